# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A folder or bag of an evaluation, and what became of its frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.frame_times import FrameTimes
from drivseg_ros.evaluation.live.times import LiveTimes


@dataclass(frozen=True)
class Part:
    """A folder or bag that was evaluated.

    Args:
        source: where its frames are from, plain data.
        ledger: what became of its frames.
        unlabelled: processed frames without a label.
        unmatched_labels: labels without a frame.
        failures: what happened to frames that failed, by their names.
        interrupted: whether it was ended early.
        times: how long the network took; None where masks were recorded, or came from a live run.
        live: the times of a live run, whose `ledger` is the node's own; None: offline.

    Raises:
        DataError: if the numbers contradict each other.
    """

    source: Mapping[str, Any]
    ledger: FrameCounts
    unlabelled: int = 0
    unmatched_labels: int = 0
    failures: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False
    times: FrameTimes | None = None
    live: LiveTimes | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.unlabelled <= self.ledger.processed or self.unmatched_labels < 0:
            raise DataError(
                f'{self.ledger.processed} frames were processed, and {self.unlabelled} of them '
                'counted as unlabelled'
            )
        live = self.live
        if live and len(live.played) != self.ledger.offered + live.lost_before_node:
            raise DataError(
                f'{len(live.played)} messages were played, but {self.ledger.offered} offered to '
                f'the node and {live.lost_before_node} lost before it'
            )

    @property
    def title(self) -> str:
        """What it is called."""
        return str(self.source.get('title') or self.source.get('given', ''))
