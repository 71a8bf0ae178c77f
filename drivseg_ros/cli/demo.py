# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg demo`: the real node on a drive, without a camera and without a ROS installation."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from drivseg_ros.base.output_files import check_output_folder
from drivseg_ros.cli.console import out, print_path, progress_bar
from drivseg_ros.cli.options import (
    Device,
    EngineName,
    ImageTopic,
    Labels,
    LabelTopic,
    Model,
    Overwrite,
    Precision,
    Seed,
    Speed,
    Threads,
)
from drivseg_ros.model.store import DEFAULT_MODEL

_IMAGE_TOPIC = '/camera/image_raw'


def demo(
    output: Annotated[
        Path, typer.Option('--output', '-o', help='Folder for everything that is made.')
    ] = Path('demo'),
    bag: Annotated[
        Path | None,
        typer.Option(help='Bag to play instead of a rendered drive.', show_default=False),
    ] = None,
    image_topic: ImageTopic = None,
    labels: Labels = None,
    label_topic: LabelTopic = None,
    model: Model = DEFAULT_MODEL,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    speed: Speed = 1.0,
    seed: Seed = 22,
    duration: Annotated[
        float, typer.Option(min=1, max=600, help='Length of the rendered drive in seconds.')
    ] = 20.0,
    overwrite: Overwrite = False,
) -> None:
    """Play a drive to the node over DDS, record and evaluate it.

    Without --bag it renders a drive with exact labels first.
    """
    check_output_folder(output, overwrite=overwrite)
    from drivseg_ros.bags.from_scenes import bag_from_scenes
    from drivseg_ros.bags.image_bag import ImageBagOptions
    from drivseg_ros.bags.player import PlayOptions
    from drivseg_ros.base.interruption import orderly_end
    from drivseg_ros.cli.evaluation_run import end, print_and_write
    from drivseg_ros.errors import ParameterError
    from drivseg_ros.evaluation.live.evaluation import LiveEvaluation, evaluate_run
    from drivseg_ros.evaluation.live.ros_domain import need_rclpy
    from drivseg_ros.evaluation.live.run import NodeChoice
    from drivseg_ros.evaluation.open_source import open_source
    from drivseg_ros.evaluation.settings import PLAIN
    from drivseg_ros.images.overlay import Look
    from drivseg_ros.model.store import find_model
    from drivseg_ros.report.overlay_sinks import OverlaySheet, OverlayVideo
    from drivseg_ros.scenes.drive import Drive

    if bag is None:
        given = {'image-topic': image_topic, 'label-topic': label_topic, 'labels': labels}
        for name, value in given.items():
            if value is not None:
                raise ParameterError(
                    f'--{name} {value} is of a bag; give --bag too, or leave it out: a rendered '
                    'drive brings its own images and labels'
                )
    PlayOptions(speed=speed)  # refuses what cannot be played
    need_rclpy('the demo')
    file = find_model(model)
    with progress_bar() as progress, orderly_end():
        if bag is None:
            bag = output / 'drive'
            drive = Drive(seed, duration_s=duration)
            task = progress.add_task('rendering the drive', total=len(drive))
            bag_from_scenes(
                drive,
                ImageBagOptions(output=bag, topic=_IMAGE_TOPIC, overwrite=True),
                progress=partial(_advance, progress, task),
            )
        source = open_source(
            bag, labels=labels, image_topic=image_topic, label_topic=label_topic, card=file.card
        )
        settings = dataclasses.replace(PLAIN, sequence=source.is_drive)
        choice = NodeChoice(model, engine, device, precision, threads)
        opened = LiveEvaluation(source, file, choice, settings, speed)
        task = progress.add_task('playing to the node', total=None)
        run = opened.play(output, on_progress=partial(_advance, progress, task))
        task = progress.add_task('drawing the video', total=None)
        video, sheet, look = output / 'overlay.mp4', output / 'contact_sheet.png', Look()
        found = evaluate_run(
            run,
            source,
            file,
            settings,
            sinks=[
                OverlayVideo(video, rate_hz=source.rate_hz, look=look),
                OverlaySheet(sheet, look=look),
            ],
            on_frame=partial(_advance, progress, task),
        )
    report = output / 'report.json'
    print_and_write(found, report)
    made = [
        (bag, 'the bag that was played'),
        (run.recording, 'the bag with what the node published'),
        (video, 'look at this'),
        (sheet, 'or at this'),
        (report, 'the metrics, with hardware and versions'),
        (run.node_log, 'what the node logged'),
    ]
    for path, what in made:
        print_path(path, what)
    out.print(
        '\nNext: your own recording:\n'
        '  drivseg demo --bag BAG --output FOLDER\n'
        'every frame of it, without ROS:\n'
        '  drivseg replay BAG --video overlay.mp4\n'
        'or a video file:\n'
        '  drivseg bag from-video FILE --output BAG',
        markup=False,
    )
    end(found)


def _advance(progress: Progress, task: TaskID, done: int, total: int | None = None) -> None:
    progress.update(task, completed=done, total=total)
