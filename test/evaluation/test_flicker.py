# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Flicker, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.evaluation.flicker import MAX_GAP_NS, FlickerCounter
from drivseg_ros.model.card import UNLABELLED


def plane(*ids: int) -> np.ndarray:
    return np.array([ids], np.uint8)


def test_changes_that_the_label_explains_are_no_flicker() -> None:
    counter = FlickerCounter()
    label = plane(0, 0, 1, 1, UNLABELLED, 0)
    assert counter.update(plane(0, 0, 1, 1, 0, 0), label, sequence='a') == ((0, 0), (0, 0))
    moved = plane(0, 0, 0, 1, 0, UNLABELLED)
    # Changed: pixels 1, 2, 4, 5. Labels that stayed: 0, 1, 3; of these, 1 changed.
    found = counter.update(plane(0, 1, 0, 1, 1, 1), moved, sequence='a')
    assert found == ((1, 3), (4, 6))


def test_without_labels_every_change_counts_as_change_only() -> None:
    counter = FlickerCounter()
    counter.update(plane(0, 0), None, sequence='a')
    assert counter.update(plane(0, 1), plane(0, 0), sequence='a') == ((0, 0), (1, 2))
    assert counter.update(plane(1, 1), None, sequence='a') == ((0, 0), (1, 2))


@pytest.mark.parametrize(
    ('sequence', 'stamp', 'ids', 'compared'),
    [
        ('a', 10**8, (1, 1), True),
        ('a', MAX_GAP_NS, (1, 1), True),
        ('a', MAX_GAP_NS + 1, (1, 1), False),
        ('a', 0, (1, 1), False),
        ('a', None, (1, 1), True),
        ('b', 10**8, (1, 1), False),
        ('a', 10**8, (1, 1, 1), False),
    ],
)
def test_what_is_consecutive(
    sequence: str, stamp: int | None, ids: tuple[int, ...], compared: bool
) -> None:
    counter = FlickerCounter()
    counter.update(plane(0, 0), None, sequence='a', stamp_ns=0)
    _, (changed, pixels) = counter.update(plane(*ids), None, sequence=sequence, stamp_ns=stamp)
    assert (changed, pixels) == ((2, 2) if compared else (0, 0))
