# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg record`: topics into a bag, for machines without `ros2 bag`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from drivseg_ros.cli.console import err, out, progress_bar


def record(
    topics: Annotated[list[str], typer.Argument(help='The topics to record.')],
    output: Annotated[Path, typer.Option('--output', '-o', help='The bag to make, a folder.')],
    duration: Annotated[
        float, typer.Option(help='Seconds from when all topics are found; 0: until Ctrl-C.')
    ] = 0.0,
    wait: Annotated[
        float, typer.Option(help='Fail if a topic has no publisher for so many seconds; 0: never.')
    ] = 0.0,
    overwrite: Annotated[
        bool, typer.Option('--overwrite', help='Replace the bag if it is there.')
    ] = False,
    dds_profile: Annotated[
        bool, typer.Option(help='Use the Fast DDS profile for images, unless one is set.')
    ] = True,
) -> None:
    """Record topics as they come; bag time is the wall time of receipt.

    It waits for publishers, takes types and quality of service from them, and prints `recording`
    once all topics are connected. Ctrl-C or SIGTERM ends it and closes the bag.
    """
    from drivseg_ros.bags.recorder import RecordOptions
    from drivseg_ros.bags.recorder import record as record_bag
    from drivseg_ros.base.interruption import stop_on_signals
    from drivseg_ros.node.dds_profile import use_image_profile

    options = RecordOptions(
        topics=tuple(topics),
        output=output,
        overwrite=overwrite,
        duration_s=duration,
        wait_s=wait,
    )
    if dds_profile:
        use_image_profile()
    with stop_on_signals() as stop, progress_bar() as progress:
        task = progress.add_task('messages', total=None)

        def notify(text: str) -> None:
            err.print(text, markup=False, soft_wrap=True)

        def show(counts: Mapping[str, int]) -> None:
            progress.update(task, completed=sum(counts.values()))

        report = record_bag(
            options,
            stop=stop,
            notify=notify,
            progress=show,
            ready=lambda: notify(f'recording {len(topics)} topics'),
        )
    out.print(str(report.path), markup=False, soft_wrap=True)
    for topic, count in report.counts.items():
        out.print(f'  {topic}  {count}', markup=False, soft_wrap=True)
    silent = [t for t, n in report.counts.items() if not n]
    if silent:
        err.print(f'nothing came on {", ".join(silent)}', style='yellow', markup=False)
