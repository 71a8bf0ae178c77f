# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation says about itself: classes that never occur, areas that never meet."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from evaluation_cases import random_pair, result_of

from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.notes import notes
from drivseg_ros.model.card import UNLABELLED

ALL = [random_pair(i) for i in range(3)]
PLANE = np.zeros((8, 8), np.uint8)


@pytest.mark.parametrize(
    ('pairs', 'expected'),
    [
        (ALL, []),
        (
            [(np.minimum(label, 1), mask) for label, mask in ALL if (label != UNLABELLED).any()],
            [
                'never in the labels: background',
                'IoU 0, labels and masks agree nowhere: background',
            ],
        ),
        (
            [(label, np.minimum(mask, 1)) for label, mask in ALL],
            ['never in the masks: background', 'IoU 0, labels and masks agree nowhere: backg'],
        ),
        # The ids were turned round: every class occurs, and nothing agrees.
        (
            [(label, np.where(label < 3, (label + 1) % 3, 0).astype(np.uint8)) for label, _ in ALL],
            ['IoU 0, labels and masks agree nowhere: direct, alternative, background'],
        ),
        (
            [(PLANE + UNLABELLED, PLANE)],
            ['no pixel has a label: all are unlabelled (255 is unlabelled; if it is a class here'],
        ),
        # As masks of 0 and 255 are read.
        (
            [(np.where(np.eye(8, dtype=bool), 0, UNLABELLED).astype(np.uint8), PLANE)],
            [
                'never in the labels: alternative, background (255 is unlabelled; if it is a class',
                'never in the masks: alternative, background',
            ],
        ),
    ],
)
def test_what_looks_wrong_is_said(
    pairs: list[tuple[np.ndarray, np.ndarray]], expected: list[str]
) -> None:
    found = notes(result_of(pairs))
    assert len(found) == len(expected), found
    for note, words in zip(found, expected, strict=True):
        assert note.startswith(words)
    assert describe(result_of(pairs))['notes'] == found


def test_a_run_that_was_ended_early_says_so() -> None:
    whole = result_of(ALL)
    part = dataclasses.replace(whole.parts[0], interrupted=True)
    (note,) = notes(dataclasses.replace(whole, parts=(part,)))
    assert 'ended early' in note


def test_labels_that_the_bag_gives_another_meaning_are_noted() -> None:
    whole = result_of(ALL)
    source = {**whole.parts[0].source, 'contradiction': 'the bag itself says otherwise'}
    parts = (dataclasses.replace(whole.parts[0], source=source),) * 2
    assert notes(dataclasses.replace(whole, parts=parts)) == ['the bag itself says otherwise']
