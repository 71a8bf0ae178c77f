# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bonnets and dashboards in labels that do not name them.

BDD100K's maps have one background for all that is not ours to drive: houses, oncoming lanes, and
the bonnet of the car that carries the camera. A network that separates road of others from
background has to learn that a bonnet is no such road.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivseg_ros.model.card import UNLABELLED

TALLEST = 0.3
"""A bonnet covers at most this share of a frame's height."""

NARROWEST = 0.2
"""And at least this share of its width."""

_FALLEN = 0.4
_RISING = 1.6


def own_vehicle(label: np.ndarray, drivable: Sequence[int], background: int) -> np.ndarray:
    """Where one's own vehicle surely is, by the geometry of a road seen from a vehicle.

    Whoever follows a column of the picture upwards comes from the lanes nearby to those further
    away from one's own, and to the pavement. So where background begins at the lower edge and
    drivable area lies right above it, that background is no other lane, but stands in front of the
    road: the bonnet, the dashboard, a wiper. Columns between two such ones are filled up to the
    line between them, those beside them to a line that falls to less than half.

    Args:
        label: uint8 [H, W], class ids.
        drivable: The ids of what one may drive on.
        background: The id of all the rest.

    Returns:
        bool [H, W], part of the background; all False where there is no such vehicle.
    """
    height, width = label.shape
    upwards = label[::-1]
    # What is unlabelled tells nothing: networks leave the rim of a bonnet open.
    other = (upwards != background) & (upwards != UNLABELLED)
    first = other.argmax(axis=0)  # the height of the background at the lower edge
    first[~other.any(axis=0)] = height
    above = upwards[np.minimum(first, height - 1), np.arange(width)]
    begins = upwards[0] == background
    sure = begins & (first <= TALLEST * height) & np.isin(above, list(drivable))
    columns = np.flatnonzero(sure)
    # A vehicle's edge is smooth; what rises far above is a lane that ends, or a label's mistake.
    if len(columns):
        columns = columns[first[columns] <= _RISING * np.median(first[columns])]
    if len(columns) < NARROWEST * width:
        return np.zeros((height, width), bool)
    heights = first[columns].astype(float)
    ends = [-1, *columns, width]
    fallen = [_FALLEN * heights[0], *heights, _FALLEN * heights[-1]]
    line = np.interp(np.arange(width), ends, fallen)
    rows = np.arange(height)[::-1, None]
    return (rows < line) & (label == background)


def name_own_vehicle(
    label: np.ndarray, own: int, *, tallest: float = TALLEST, narrowest: float = NARROWEST
) -> np.ndarray:
    """Names the vehicle in labels that leave it unlabelled, as Cityscapes' do.

    Args:
        label: uint8 [H, W], class ids, 255 unlabelled.
        own: The id that the vehicle gets.
        tallest: Largest share of the height of what is unlabelled at the lower edge.
        narrowest: Smallest share of the width of it.

    Returns:
        uint8 [H, W], new: what is unlabelled at the lower edge has the id, where it is wide and
        low enough.
    """
    height = len(label)
    labelled = label[::-1] != UNLABELLED
    first = labelled.argmax(axis=0)
    first[~labelled.any(axis=0)] = height
    marked = label.copy()
    thick = first > 0.01 * height
    if thick.mean() < narrowest or first.max() > tallest * height:
        return marked
    rows = np.arange(height)[::-1, None]
    marked[(rows < first) & thick] = own
    return marked
