# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a benchmark of nodes is to do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from drivseg_ros.base.json_data import to_plain
from drivseg_ros.bench.graph.messages import InputChoice
from drivseg_ros.bench.graph.node_under_test import NodeUnderTest
from drivseg_ros.bench.graph.session import Setup
from drivseg_ros.errors import ParameterError

MAX_CAMERAS = 16


@dataclass(frozen=True)
class GraphOptions:
    """The nodes, what they are measured with, and for how long.

    The defaults are ros2_benchmark's where it has them (runs of 5 s, 5 of them, 10, 30 and 60 Hz).

    Attributes:
        nodes: to be measured side by side.
        model: path of the model file that commands may name.
        threads: CPU threads that commands may name.
        sizes: (width, height) of the images.
        cameras: numbers of cameras.
        transports: 'raw', 'compressed'.
        rates_hz: fixed rates, by camera.
        peak: whether to look for the peak rate as well, and to measure at it.
        lowest_hz: where to look for it; the next likewise.
        highest_hz: see there.
        runs: how many at each rate.
        duration_s: of a run.
        probe_s: of a run that looks for the peak rate.
        data: pictures or a bag; None for rendered streets.
        image_topic: of a bag.
        frames: how many different images are sent in turn.
        depth: messages the sender keeps for a subscriber that lags.
        start_timeout_s: how long a node may take until its first output.

    Raises:
        ParameterError: if one of them is not allowed.
    """

    nodes: tuple[NodeUnderTest, ...]
    model: str
    threads: int
    sizes: tuple[tuple[int, int], ...] = ((640, 360), (1280, 720), (1920, 1080))
    cameras: tuple[int, ...] = (1,)
    transports: tuple[str, ...] = ('raw',)
    rates_hz: tuple[float, ...] = (10.0, 30.0, 60.0)
    peak: bool = True
    lowest_hz: float = 1.0
    highest_hz: float = 200.0
    runs: int = 5
    duration_s: float = 5.0
    probe_s: float = 2.0
    data: Path | None = None
    image_topic: str | None = None
    frames: int = 10
    depth: int = 10
    start_timeout_s: float = 60.0

    def __post_init__(self) -> None:
        names = [node.name for node in self.nodes]
        if not names:
            raise ParameterError('there is no node to measure; give one with --node NAME=COMMAND')
        if len(set(names)) < len(names):
            raise ParameterError(f'two nodes have one name: {", ".join(names)}; rename one')
        if not self.peak and not self.rates_hz:
            raise ParameterError('there is nothing to measure: give a rate, or look for the peak')
        for what, values, least, most in (
            ('camera count', self.cameras, 1, MAX_CAMERAS),
            ('rate', self.rates_hz, 0.1, 1000),
            ('number of runs', (self.runs,), 1, 1000),
            ('duration', (self.duration_s,), 0.1, 3600),
            ('duration of a probe', (self.probe_s,), 0.1, 3600),
            ('queue depth', (self.depth,), 1, 1000),
            ('start timeout', (self.start_timeout_s,), 1, 3600),
            ('lowest rate', (self.lowest_hz,), 0.1, self.highest_hz),
            ('highest rate', (self.highest_hz,), self.lowest_hz, 1000),
        ):
            for value in values:
                if not (math.isfinite(value) and least <= value <= most):
                    raise ParameterError(
                        f'the {what} {value:g} is not allowed; give {least:g} to {most:g}'
                    )
        if self.peak and self.lowest_hz == self.highest_hz:
            raise ParameterError(
                'the lowest and the highest rate are equal; there is no peak between'
            )
        for node, cameras in product(self.nodes, self.cameras):
            node.output_topics(cameras)
            node.image_topics(cameras)
        self.setups()

    def setups(self) -> list[Setup]:
        """What the nodes are measured with, in order."""
        return [
            Setup(
                input=InputChoice(
                    width=width,
                    height=height,
                    transport=transport,
                    frames=self.frames,
                    data=self.data,
                    image_topic=self.image_topic,
                ),
                cameras=cameras,
                model=self.model,
                threads=self.threads,
                depth=self.depth,
                start_timeout_s=self.start_timeout_s,
            )
            for transport, (width, height), cameras in product(
                self.transports, self.sizes, self.cameras
            )
        ]

    def describe(self) -> dict[str, Any]:
        """As plain data, without paths of this machine."""
        return {
            **to_plain(self),
            'model': Path(self.model).name,
            'data': None if self.data is None else self.data.name,
        }
