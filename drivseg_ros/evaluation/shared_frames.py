# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames that two evaluations have in common: a live run leaves out those it dropped."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Sequence

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.tally import FrameRow

FrameKey = tuple[str, str, str]


def frame_key(row: FrameRow) -> FrameKey:
    """Tells the frames of a bag apart, and is the same in every evaluation of that bag."""
    # The image tells frames apart that have no label; under a label it may have been changed.
    return (row.name, row.label_sha256, '' if row.label_sha256 else row.image_sha256)


def pair_parts(before: Evaluation, after: Evaluation) -> dict[int, int]:
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


def shared_frames(
    before: Evaluation, after: Evaluation
) -> tuple[tuple[Evaluation, Evaluation], str]:
    """Both evaluations, of the frames alone that are in both.

    What is not kept frame by frame, the calibration and the bands of image height, is left out of
    them then; so are changes between frames, which are others if frames between are missing.

    Returns:
        The two, as they are if they have the same frames; and a sentence about what was left out,
        or ''.

    Raises:
        DataError: if they have no frame in common.
    """
    pairs = pair_parts(before, after)
    keys = [
        [(row.part, *frame_key(row)) for row in before.rows],
        # A bag that the other has not is no place of the other's.
        [(pairs.get(row.part, -1 - row.part), *frame_key(row)) for row in after.rows],
    ]
    known = [set(several) for several in keys]
    shared = known[0] & known[1]
    if not shared:
        raise DataError(
            f'the one evaluation is of {len(before.rows)} frames, the other of {len(after.rows)}, '
            'and none is in both; evaluate the same bag'
        )
    if known[0] == known[1]:
        return (before, after), ''
    pair = (_only(before, keys[0], shared), _only(after, keys[1], shared))
    note = (
        f'accuracy is compared on the {len(shared)} frames that both have, of {len(known[0])} and '
        f'{len(known[1])}; calibration, flicker and change are not compared'
    )
    return pair, note


_Key = tuple[int, str, str, str]


def _only(result: Evaluation, keys: Sequence[_Key], shared: Collection[_Key]) -> Evaluation:
    rows = []
    for row, key in zip(result.rows, keys, strict=True):
        if key in shared:
            sums = dataclasses.replace(
                row.sums, flicker=0 * row.sums.flicker, change=0 * row.sums.change
            )
            rows.append(dataclasses.replace(row, sums=sums))
    return dataclasses.replace(result, rows=tuple(rows), bands=0 * result.bands, calibration=None)
