# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg play`: a bag over DDS in real time, for machines without `ros2 bag`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli.console import err, progress_bar
from drivseg_ros.cli.options import Bag, DdsProfile, Overwrite, Speed


def play(
    bag: Bag,
    speed: Speed = 1.0,
    loop: Annotated[bool, typer.Option('--loop', help='Play again and again.')] = False,
    clock: Annotated[
        bool, typer.Option('--clock', help='Publish /clock, for nodes with use_sim_time.')
    ] = False,
    clock_rate: Annotated[float, typer.Option(help='Rate of /clock in Hz.')] = 40.0,
    topic: Annotated[
        list[str] | None,
        typer.Option(help='Topic to play; repeatable.', show_default='all'),
    ] = None,
    remap: Annotated[
        list[str] | None,
        typer.Option(
            metavar='/RECORDED:=/PUBLISHED',
            help='Publish a topic under another name; repeatable.',
            show_default=False,
        ),
    ] = None,
    delay: Annotated[float, typer.Option(help='Seconds to wait before the first message.')] = 0.0,
    wait_for_subscribers: Annotated[
        float,
        typer.Option(
            help='Seconds to wait for subscribers to the images, else fail; 0: start at once.'
        ),
    ] = 0.0,
    log: Annotated[
        Path | None,
        typer.Option(
            help='Write a JSON line for each message: topic, stamps, times.', show_default=False
        ),
    ] = None,
    overwrite: Overwrite = False,
    dds_profile: DdsProfile = True,
) -> None:
    """Publish a bag's messages at the times they were recorded.

    Messages are published byte for byte. Topics keep their recorded quality of service. Ctrl-C ends
    it early with exit status 130; with --loop it is the way to end it, with exit status 0.
    """
    check_output_files([log], overwrite=overwrite)
    from drivseg_ros.bags.player import PlayOptions
    from drivseg_ros.bags.player import play as play_bag
    from drivseg_ros.bags.reader import BagReader
    from drivseg_ros.base.interruption import stop_on_signals
    from drivseg_ros.errors import DataError
    from drivseg_ros.node.dds_profile import use_image_profile

    options = PlayOptions(
        speed=speed,
        loop=loop,
        clock_hz=clock_rate if clock else 0.0,
        topics=tuple(topic or ()),
        remap=_remappings(remap or []),
        delay_s=delay,
        wait_for_subscribers_s=wait_for_subscribers,
        log=log,
    )
    if dds_profile:
        use_image_profile()
    # The signals first: what comes while the bag is opened must end it in good order too.
    with stop_on_signals() as stop, BagReader(bag) as reader, progress_bar() as progress:
        task = progress.add_task('seconds', total=round(reader.duration_s, 1))
        report = play_bag(
            reader,
            options,
            stop=stop,
            notify=lambda text: err.print(text, markup=False, soft_wrap=True),
            progress=lambda seconds: progress.update(task, completed=round(seconds, 1)),
        )
    count = sum(report.published.values())
    ending = 'stopped' if report.stopped else 'finished'
    err.print(
        f'{ending}: {count} messages of {len(report.published)} topics, '
        f'the latest {report.latest_ms:.1f} ms late',
        markup=False,
    )
    if not count and not report.stopped:
        raise DataError(f"'{bag}' has no message on the topics to play; give another bag")
    if report.stopped and not loop:
        raise typer.Exit(128 + stop.signal_number)


def _remappings(given: list[str]) -> dict[str, str]:
    from drivseg_ros.errors import ParameterError

    pairs = {}
    for text in given:
        source, sign, target = text.partition(':=')
        if not (source and sign and target):
            raise ParameterError(f"--remap '{text}' is not understood; give /recorded:=/published")
        pairs[source] = target
    return pairs
