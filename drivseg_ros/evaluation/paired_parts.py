# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which bag of one evaluation is which of another, and which frame is which."""

from __future__ import annotations

from collections import Counter

from drivseg_ros.evaluation.evaluation_result import EvaluationResult
from drivseg_ros.evaluation.tally import FrameRow

FrameKey = tuple[str, str, str]


def frame_key(row: FrameRow) -> FrameKey:
    """Tells the frames of a bag apart, and is the same in every evaluation of that bag."""
    # The image tells frames apart that have no label; under a label it may have been changed.
    return (row.name, row.label_sha256, '' if row.label_sha256 else row.image_sha256)


def pair_parts(before: EvaluationResult, after: EvaluationResult) -> dict[int, int]:
    """The bags and folders that two evaluations have in common.

    They may have been given in another order, one may be missing, and in other company, or in
    another folder, a bag has another title. So two are taken for the same only if they have frames
    in common; of several that have, first those of one title, then those with the most.

    Returns:
        The place of the bag in `before`, by its place in `after`.
    """
    places: dict[FrameKey, list[int]] = {}
    for row in before.rows:
        places.setdefault(frame_key(row), []).append(row.part)
    shared = Counter(
        (place, row.part) for row in after.rows for place in places.get(frame_key(row), ())
    )

    def order(pair: tuple[int, int]) -> tuple[bool, int, tuple[int, int]]:
        place, other = pair
        return before.parts[place].title != after.parts[other].title, -shared[pair], pair

    found: dict[int, int] = {}
    taken: set[int] = set()
    for place, other in sorted(shared, key=order):
        if other not in found and place not in taken:
            found[other] = place
            taken.add(place)
    return found
