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
from drivseg_ros.cli.options import (
    Device,
    EngineName,
    ImageTopic,
    Labels,
    LabelTopic,
    Model,
    Precision,
    Threads,
)
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
    image_topic: ImageTopic = None,
    labels: Labels = None,
    label_topic: LabelTopic = None,
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
    from drivseg_ros.bags.reader import BagReader
    from drivseg_ros.bags.topics import BagTopics, resolve_topics
    from drivseg_ros.base.interruption import orderly_end
    from drivseg_ros.errors import ParameterError
    from drivseg_ros.evaluation.live.result import evaluate_live
    from drivseg_ros.evaluation.live.run import NodeChoice, run_live
    from drivseg_ros.evaluation.report import write_report
    from drivseg_ros.model.store import find_model
    from drivseg_ros.scenes.drive import Drive

    if bag is None:
        given = {'image': image_topic, 'label': label_topic, 'labels': labels}
        for name, value in given.items():
            if value is not None:
                option = '--labels' if name == 'labels' else f'--{name}-topic'
                raise ParameterError(
                    f'{option} {value} is of a bag; give --bag too, or leave it out: a rendered '
                    'drive brings its own images and labels'
                )
    if not rate > 0:
        raise ParameterError(f'the rate {rate} is not allowed; it must be above 0')
    card = find_model(model).card
    output.mkdir(parents=True, exist_ok=True)
    with progress_bar() as progress, orderly_end():
        if bag is not None:
            with BagReader(bag) as reader:
                topics = resolve_topics(reader, BagTopics(image_topic, label_topic))
            image_topic, label_topic = str(topics.image), topics.label
        else:
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
            image_topic=str(image_topic),
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
            labels=labels,
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
        '  drivseg demo --bag BAG\n'
        'every frame of it, without ROS:\n'
        '  drivseg replay BAG --video overlay.mp4\n'
        'or a video file:\n'
        '  drivseg bag from-video FILE --output BAG',
        markup=False,
    )
    if run.interrupted:
        err.print('interrupted: the figures are of what was played before', markup=False)
        raise typer.Exit(130)


def _advance(progress: Progress, task: TaskID, done: int, total: int | None = None) -> None:
    progress.update(task, completed=done, total=total)
