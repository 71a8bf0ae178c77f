# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What was played, what the node says of it and what was recorded add up to the frame."""

from __future__ import annotations

import pytest

from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.live.ledger import LiveLedger


def counts(offered: int, processed: int, dropped: int = 0, failed: int = 0, waiting: int = 0):  # type: ignore[no-untyped-def]
    return FrameCounts(
        offered=offered,
        processed=processed,
        dropped=dropped,
        failed=failed,
        waiting=waiting,
        failed_by_kind={'jpeg': failed} if failed else {},
    )


@pytest.mark.parametrize(
    ('played', 'recorded', 'reported', 'expected'),
    [
        # (lost before the node, its ledger, lost behind it)
        (10, 10, counts(10, 10), (0, counts(10, 10), 0)),
        (10, 4, counts(8, 4, 3, 1), (2, counts(8, 4, 3, 1), 0)),
        (10, 3, counts(8, 4, 3, 1), (2, counts(8, 4, 3, 1), 1)),
        (10, 0, counts(9, 0, 8, waiting=1), (1, counts(9, 0, 8, waiting=1), 0)),
        # Masks came after the node's last word: of the frame that waited, and of a later one.
        (10, 5, counts(8, 4, 3, waiting=1), (2, counts(8, 5, 3), 0)),
        (10, 6, counts(8, 4, 3, waiting=1), (1, counts(9, 6, 3), 0)),
        (10, 0, None, (10, counts(0, 0), 0)),
        (10, 2, None, (8, counts(2, 2), 0)),
    ],
)
def test_it_adds_up(
    played: int,
    recorded: int,
    reported: FrameCounts | None,
    expected: tuple[int, FrameCounts, int],
) -> None:
    ledger = LiveLedger.of(played=played, recorded=recorded, reported=reported)
    assert (ledger.lost_before_node, ledger.counts, ledger.lost_after_node) == expected
    assert f'{played} played, {expected[0]} lost before the node' in str(ledger)


@pytest.mark.parametrize(
    ('played', 'recorded', 'reported'), [(3, 3, counts(4, 3, 1)), (1, 2, None)]
)
def test_what_does_not_add_up(played: int, recorded: int, reported: FrameCounts | None) -> None:
    with pytest.raises(DrivsegError, match='is another node publishing'):
        LiveLedger.of(played=played, recorded=recorded, reported=reported)
