# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg play`: a bag over DDS in real time, for machines without `ros2 bag`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivseg_ros.cli.console import err, progress_bar
from drivseg_ros.cli.options import listed


def play(
    bag: Annotated[Path, typer.Argument(help='A rosbag2 folder, .mcap, .db3 or ROS 1 .bag.')],
    speed: Annotated[float, typer.Option(help='Times the recorded one.')] = 1.0,
    loop: Annotated[bool, typer.Option('--loop', '-l', help='Begin again at the end.')] = False,
    clock: Annotated[
        bool, typer.Option('--clock', help='Publish /clock, for nodes with use_sim_time.')
    ] = False,
    clock_rate: Annotated[float, typer.Option(help='Of /clock, in Hz.')] = 40.0,
    topics: Annotated[
        list[str] | None,
        typer.Option(
            help='Play these only, /compressed left out. Several by commas, or by giving it again.'
        ),
    ] = None,
    remap: Annotated[
        list[str] | None, typer.Option(help='/recorded:=/published. May be given again.')
    ] = None,
    delay: Annotated[float, typer.Option(help='Seconds to wait before the first message.')] = 0.0,
    wait_for_subscribers: Annotated[
        float,
        typer.Option(
            help='Wait at most so many seconds for a subscriber to each image topic that is '
            'played, and fail without; 0 does not wait.'
        ),
    ] = 0.0,
    log: Annotated[
        Path | None,
        typer.Option(
            help='Write a line of JSON for each message: topic, stamp_ns, bag_time_ns, due_ns, '
            'published_ns (wall clock), pass.'
        ),
    ] = None,
    dds_profile: Annotated[
        bool, typer.Option(help='Use the Fast DDS profile for images, unless one is set.')
    ] = True,
) -> None:
    """Publish a bag's messages, byte for byte, at the times they were recorded.

    Topics keep the quality of service they were recorded with. Ctrl-C ends it.
    """
    from drivseg_ros.bags.player import PlayOptions
    from drivseg_ros.bags.player import play as play_bag
    from drivseg_ros.bags.reader import BagReader
    from drivseg_ros.base.interruption import stop_on_signals
    from drivseg_ros.node.dds_profile import use_image_profile

    options = PlayOptions(
        speed=speed,
        loop=loop,
        clock_hz=clock_rate if clock else 0.0,
        topics=tuple(listed(topics)),
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


def _remappings(given: list[str]) -> dict[str, str]:
    from drivseg_ros.errors import ParameterError

    pairs = {}
    for text in given:
        source, sign, target = text.partition(':=')
        if not (source and sign and target):
            raise ParameterError(f"--remap '{text}' is not understood; give /recorded:=/published")
        pairs[source] = target
    return pairs
