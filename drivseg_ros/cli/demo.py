# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg demo`: the whole way, from a drive to masks, a video and a report, on this machine."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from drivseg_ros.cli.console import err, out, progress_bar
from drivseg_ros.cli.options import Device, EngineName, Model, Precision, Threads
from drivseg_ros.cli.result_table import print_result
from drivseg_ros.model.store import DEFAULT_MODEL

_IMAGE_TOPIC = '/camera/image_raw'
_LABEL_TOPIC = '/camera/label'


def demo(
    output: Annotated[Path, typer.Option(help='The folder for everything it makes.')] = Path(
        'demo'
    ),
    bag: Annotated[
        Path | None, typer.Option(help='Play this bag instead of a rendered drive.')
    ] = None,
    image_topic: Annotated[
        str | None, typer.Option(help='The images in --bag, raw or compressed.')
    ] = None,
    label_topic: Annotated[
        str | None, typer.Option(help="Labels in --bag: the model's class ids by pixel (mono8).")
    ] = None,
    model: Model = DEFAULT_MODEL,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    rate: Annotated[float, typer.Option(help='1 plays as recorded, 2 twice as fast.')] = 1.0,
    seed: Annotated[int, typer.Option(help='The rendered drive; each seed is another one.')] = 22,
    duration: Annotated[
        float, typer.Option(min=1, max=600, help='Seconds of the rendered drive.')
    ] = 20.0,
) -> None:
    """Play a drive to the real node over DDS, record what it publishes, and measure it.

    Without --bag it renders a drive with exact labels first.
    """
    from drivseg_ros.bags.from_scenes import bag_from_scenes
    from drivseg_ros.bags.image_bag import ImageBagOptions
    from drivseg_ros.base.interruption import orderly_end
    from drivseg_ros.errors import ParameterError
    from drivseg_ros.evaluation.live.result import evaluate_live
    from drivseg_ros.evaluation.live.run import NodeChoice, run_live
    from drivseg_ros.evaluation.report import write_report
    from drivseg_ros.model.store import find_model
    from drivseg_ros.scenes.drive import Drive

    if (bag is None) != (image_topic is None):
        raise ParameterError(
            'give --bag and --image-topic together, or neither for a rendered drive'
        )
    if label_topic is not None and bag is None:
        raise ParameterError(
            f'--label-topic {label_topic} is of a bag; give --bag too, or leave it out: a rendered '
            'drive brings its own labels'
        )
    if not rate > 0:
        raise ParameterError(f'the rate {rate} is not allowed; it must be above 0')
    card = find_model(model).card
    output.mkdir(parents=True, exist_ok=True)
    with progress_bar() as progress, orderly_end():
        if bag is None or image_topic is None:
            bag, image_topic, label_topic = output / 'drive', _IMAGE_TOPIC, _LABEL_TOPIC
            drive = Drive(seed, duration_s=duration)
            task = progress.add_task('rendering the drive', total=len(drive))
            bag_from_scenes(
                drive,
                ImageBagOptions(output=bag, topic=image_topic, overwrite=True),
                progress=partial(_advance, progress, task),
            )
        task = progress.add_task('playing to the node', total=None)
        run = run_live(
            bag,
            image_topic=image_topic,
            choice=NodeChoice(
                model=model, engine=engine, device=device, precision=precision, threads=threads
            ),
            rate=rate,
            folder=output,
            on_progress=partial(_advance, progress, task),
        )
        task = progress.add_task('drawing the video', total=None)
        video, sheet = output / 'overlay.mp4', output / 'contact_sheet.png'
        report = evaluate_live(
            run,
            card=card,
            label_topic=label_topic,
            video=video,
            contact_sheet=sheet,
            overlay_alpha=0.5,
            on_frame=partial(_advance, progress, task),
        )
    write_report(output / 'report.json', report)
    print_result(report)
    made = [
        (bag, 'the bag that was played'),
        (run.recording, 'the bag with what the node published'),
        (video, 'look at this'),
        (sheet, 'or at this'),
        (output / 'report.json', 'the figures, with hardware and versions'),
        (run.node_log, 'what the node said'),
    ]
    for path, what in made:
        out.print(f'  {path}  {what}', markup=False, soft_wrap=True)
    out.print(
        '\nNext: your own recording:\n'
        '  drivseg demo --bag BAG --image-topic TOPIC\n'
        'every frame of it, without ROS:\n'
        '  drivseg replay BAG --image-topic TOPIC --video overlay.mp4\n'
        'or a video file:\n'
        '  drivseg bag from-video FILE --output BAG',
        markup=False,
    )
    if run.interrupted:
        err.print('interrupted: the figures are of what was played before', markup=False)
        raise typer.Exit(130)


def _advance(progress: Progress, task: TaskID, done: int, total: int | None = None) -> None:
    progress.update(task, completed=done, total=total)
