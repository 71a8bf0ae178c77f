# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg record`: topics into a bag, for machines without `ros2 bag`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from drivseg_ros.cli.console import err, out, progress_bar
from drivseg_ros.cli.options import DdsProfile, Overwrite


def record(
    topics: Annotated[list[str], typer.Argument(metavar='TOPIC', help='Topics to record.')],
    output: Annotated[Path, typer.Option('--output', '-o', help='Folder of the bag to make.')],
    duration: Annotated[
        float, typer.Option(help='Seconds once all topics have publishers; 0: until Ctrl-C.')
    ] = 0.0,
    wait: Annotated[
        float, typer.Option(help='Seconds to wait for publishers, else fail; 0: wait for ever.')
    ] = 0.0,
    overwrite: Overwrite = False,
    dds_profile: DdsProfile = True,
) -> None:
    """Record topics into a bag.

    Bag time is the wall time of receipt. Types and quality of service are those of the publishers.
    It prints `recording` once all topics are connected. Ctrl-C or SIGTERM ends it and closes the
    bag, with exit status 0. The exit status is 1 if nothing came on any topic.
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
    if any(report.counts.values()):
        out.print(str(report.path), markup=False, soft_wrap=True)
    for topic, count in report.counts.items():
        out.print(f'  {topic}  {count}', markup=False, soft_wrap=True)
    silent = [t for t, n in report.counts.items() if not n]
    if silent:
        err.print(f'nothing came on {", ".join(silent)}', style='yellow', markup=False)
    if len(silent) == len(report.counts):
        err.print(f"'{report.path}' is not written", markup=False, soft_wrap=True)
        raise typer.Exit(1)
