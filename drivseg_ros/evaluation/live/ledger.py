# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frame ledger of a live run: what was played, what the node reports, what was recorded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.errors import DrivsegError


@dataclass(frozen=True)
class LiveLedger:
    """What became of every message that was played.

    Attributes:
        played: messages that were played: offered to the node, or lost before it.
        counts: the node's own ledger.
        lost_before_node: messages that never reached it: its queue holds the newest one only.
        recorded: masks that were recorded.
        lost_after_node: masks that it published and that were not recorded.

    Raises:
        DrivsegError: if the counts do not add up.
    """

    played: int
    counts: FrameCounts
    lost_before_node: int
    recorded: int
    lost_after_node: int

    def __post_init__(self) -> None:
        if (
            min(self.lost_before_node, self.lost_after_node) < 0
            or self.played != self.counts.offered + self.lost_before_node
            or self.counts.processed != self.recorded + self.lost_after_node
        ):
            raise DrivsegError(
                f'{self.played} messages were played and {self.recorded} masks recorded, but the '
                f'node reports {self.counts.offered} frames and {self.counts.processed} masks; '
                'is another node publishing to its topics?'
            )

    @classmethod
    def of(cls, *, played: int, recorded: int, reported: FrameCounts | None) -> LiveLedger:
        """Brings together what player, recorder and node counted.

        Args:
            played: messages that were played.
            recorded: masks that were recorded.
            reported: the last ledger in the node's diagnostics; it is behind if the run was ended
                early. None if there is none.

        Raises:
            DrivsegError: if they contradict each other.
        """
        counts = reported or FrameCounts()
        # Of frames whose mask came after the node's last report, some waited then, and the others
        # had not arrived.
        later = max(0, recorded - counts.processed)
        waited = min(later, counts.waiting)
        counts = dataclasses.replace(
            counts,
            processed=counts.processed + later,
            waiting=counts.waiting - waited,
            offered=counts.offered + later - waited,
        )
        return cls(
            played=played,
            counts=counts,
            lost_before_node=played - counts.offered,
            recorded=recorded,
            lost_after_node=counts.processed - recorded,
        )

    def __str__(self) -> str:
        counts = self.counts
        return (
            f'{self.played} played, {self.lost_before_node} lost before the node; '
            f'{counts.offered} offered, {counts.processed} processed, {counts.dropped} dropped, '
            f'{counts.failed} failed, {counts.skipped} skipped, {counts.waiting} waiting'
        )
