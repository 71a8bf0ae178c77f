# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg replay`: a bag through the Segmenter, without ROS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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


def replay(
    bag: Annotated[Path, typer.Argument(help='A rosbag2 folder, .mcap, .db3 or ROS 1 .bag.')],
    image_topic: ImageTopic = None,
    model: Model = DEFAULT_MODEL,
    labels: Labels = None,
    label_topic: LabelTopic = None,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    output: Annotated[
        Path | None, typer.Option(help='Write masks and confidence into this new bag.')
    ] = None,
    video: Annotated[Path | None, typer.Option(help='Write an overlay video, .mp4.')] = None,
    contact_sheet: Annotated[
        Path | None, typer.Option(help='Write frames of the whole bag as one picture, .png.')
    ] = None,
    report: Annotated[Path | None, typer.Option(help='Write the figures as JSON.')] = None,
    overlay_alpha: Annotated[
        float, typer.Option(min=0, max=1, help="The overlay's opacity.")
    ] = 0.5,
    overwrite: Annotated[
        bool, typer.Option('--overwrite', help='Replace the output bag if it is there.')
    ] = False,
) -> None:
    """Run every frame of a bag, in order, and write masks, an overlay video and figures.

    Masks carry the headers of their images. Ctrl-C ends it early and leaves what was done.
    """
    from drivseg_ros.bags.reader import BagReader
    from drivseg_ros.bags.topics import BagTopics, resolve_topics
    from drivseg_ros.base.interruption import orderly_end
    from drivseg_ros.evaluation.replay import Replay, ReplayFiles
    from drivseg_ros.evaluation.report import write_report
    from drivseg_ros.segmenter import Segmenter

    with BagReader(bag) as reader:
        topics = resolve_topics(reader, BagTopics(image_topic, label_topic))
    files = ReplayFiles(
        output=output, video=video, contact_sheet=contact_sheet, overwrite=overwrite
    )
    with (
        Segmenter.open(
            model, engine=engine, device=device, precision=precision, threads=threads
        ) as segmenter,
        progress_bar() as progress,
        orderly_end(),
    ):
        task = progress.add_task('frames', total=None)
        run = Replay(
            segmenter,
            image_topic=str(topics.image),
            label_topic=topics.label,
            labels=labels,
            overlay_alpha=overlay_alpha,
        )
        content = run.run(
            bag,
            files,
            on_frame=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if report is not None:
        write_report(report, content)
    print_result(content)
    for path in (output, video, contact_sheet, report):
        if path is not None and path.exists():
            out.print(f'  {path}', markup=False)
    if run.interrupted:
        err.print('interrupted: what is listed above was done before', markup=False)
        raise typer.Exit(130)
