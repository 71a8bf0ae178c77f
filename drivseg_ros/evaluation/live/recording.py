# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the recording of a live run has besides the masks' pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drivseg_ros.bags.image_messages import stamp_ns
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.base.diagnostics import DIAGNOSTICS_TOPIC, all_values, read_stages
from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.live.run import LiveRun, PlayedFrame


@dataclass(frozen=True)
class Recorded:
    """What the recording has besides the masks' pixels.

    Attributes:
        received_ns: wall time of receipt of each mask, by the stamp of its header.
        diagnostics: the node's last status of the camera and of the engine, key to value.
        masks: how many there are, those with a stamp that came before included.
        confidences: the stamps of the confidence planes.
        stages: by stage the median and 95th percentile that each of the diagnostics
            reported, in ms.
    """

    received_ns: Mapping[int, int]
    diagnostics: Mapping[str, str]
    masks: int = 0
    confidences: frozenset[int] = frozenset()
    stages: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)


def read_recording(run: LiveRun) -> Recorded:
    """Reads a recording's times and what the diagnostics reported.

    Raises:
        BagError: if it cannot be read.
    """
    received: dict[int, int] = {}
    masks = 0
    confidences = set()
    diagnostics: dict[str, str] = {}
    stages: dict[str, list[tuple[float, float]]] = {}
    confidence_topic = run.topic_of('confidence')
    with BagReader(run.recording) as reader:
        wanted = (run.mask_topic, confidence_topic, DIAGNOSTICS_TOPIC)
        for message in reader.messages([topic for topic in wanted if topic in reader.topics]):
            if message.topic == run.mask_topic:
                masks += 1
                received.setdefault(stamp_ns(message), message.time_ns)
            elif message.topic == confidence_topic:
                confidences.add(stamp_ns(message))
            else:
                values = all_values(message.message)
                diagnostics.update(values)
                for name, reported in read_stages(values).items():
                    stages.setdefault(name, []).append(reported)
    return Recorded(
        received_ns=received,
        diagnostics=diagnostics,
        masks=masks,
        confidences=frozenset(confidences),
        stages={name: tuple(rows) for name, rows in stages.items()},
    )


def describe_network(diagnostics: Mapping[str, str]) -> dict[str, Any]:
    """The model and the engine that ran it, in the form of `describe_engine`."""
    names = {'model': 'model', 'file': 'model file', 'sha256': 'model sha256'}
    names |= {name: name for name in ('engine', 'device', 'precision', 'threads')}
    found: dict[str, Any] = {key: diagnostics.get(name, 'unknown') for key, name in names.items()}
    if found['threads'].isdecimal():
        found['threads'] = int(found['threads'])
    return found


def check_stamps(played: Sequence[PlayedFrame], recorded: Recorded) -> None:
    """Looks whether every mask is of a frame that was played.

    Raises:
        DrivsegError: if one is not.
    """
    strangers = recorded.received_ns.keys() - {frame.stamp_ns for frame in played}
    if strangers:
        raise DrivsegError(
            f'{len(strangers)} masks carry stamps that were not played, the first {min(strangers)} '
            'ns; is another node publishing to the same topic?'
        )
