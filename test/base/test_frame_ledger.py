# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frame ledger adds up, whoever counts."""

from __future__ import annotations

import random
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from drivseg_ros.base.frame_ledger import FrameCounts, FrameLedger


@pytest.mark.parametrize(
    ('fields', 'exception'),
    [
        ({}, nullcontext()),
        ({'offered': 3, 'processed': 1, 'dropped': 1, 'waiting': 1}, nullcontext()),
        ({'offered': 1, 'failed': 1, 'failed_by_kind': {'step': 1}}, nullcontext()),
        ({'offered': 1}, pytest.raises(ValueError, match='1 frames were offered, but 0 processed')),
        (
            {'offered': 0, 'processed': 1, 'waiting': -1},
            pytest.raises(ValueError, match='-1 waiting'),
        ),
        ({'offered': 1, 'failed': 1}, pytest.raises(ValueError, match='by kind')),
    ],
)
def test_counts_add_up(fields: dict[str, Any], exception: AbstractContextManager) -> None:
    with exception:
        FrameCounts(**fields)


def test_fates() -> None:
    ledger = FrameLedger()
    for _ in range(7):
        ledger.offer()
    ledger.process()
    ledger.drop()
    ledger.skip()
    ledger.fail('step', 'too short')
    ledger.fail('jpeg', 'damaged')
    ledger.fail('step', 'too short again')
    assert ledger.counts() == FrameCounts(
        offered=7,
        processed=1,
        dropped=1,
        skipped=1,
        failed=3,
        waiting=1,
        failed_by_kind={'step': 2, 'jpeg': 1},
        last_error='too short again',
    )


def test_threads_may_count_at_once() -> None:
    ledger = FrameLedger()
    fates = (ledger.process, ledger.drop, ledger.skip, lambda: ledger.fail('x', 'y'))

    def count(seed: int) -> None:
        choose = random.Random(seed)
        for _ in range(2000):
            ledger.offer()
            choose.choice(fates)()
            ledger.counts()  # raises if it does not add up

    threads = [threading.Thread(target=count, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = ledger.counts()
    assert (counts.offered, counts.waiting) == (8000, 0)
