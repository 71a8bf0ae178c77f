# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a mask differs from the label, and how: missed, invented, taken for another class."""

from __future__ import annotations

import enum

import cv2
import numpy as np

from drivseg_ros.frames.matching import Matching, Target
from drivseg_ros.model.card import UNLABELLED

UNLABELLED_COLOR = (112, 112, 112)
_EMPTY_GREY = 96
_ALPHA = 0.75


class Difference(enum.IntEnum):
    """What became of a pixel."""

    RIGHT = 0
    MISSED = 1
    """The label has the area, the mask has not."""
    INVENTED = 2
    """The mask has it, the label has not."""
    CONFUSED = 3
    """Another class, both or neither of the area."""
    UNKNOWN = 4
    """It is not labelled."""


# Those who see red and green alike can distinguish them, too, and no class of ours has them.
COLORS = {
    Difference.MISSED: (213, 94, 0),
    Difference.INVENTED: (222, 74, 200),
    Difference.CONFUSED: (240, 228, 66),
}


def area(matching: Matching) -> Target | None:
    """The area by role that is missed or invented; None if there is none."""
    return next((q for q in matching.targets if q.by_role), None)


def difference_ids(label: np.ndarray, mask: np.ndarray, matching: Matching) -> np.ndarray:
    """What became of each pixel.

    Args:
        label: uint8 [H, W], ids of the labels' classes, UNLABELLED.
        mask: uint8 [H, W], ids of the network's classes.
        matching: the classes.

    Returns:
        uint8 [H, W], values of `Difference`.
    """
    found = np.full(label.shape, Difference.RIGHT, np.uint8)
    if matching.answers is not None:
        answers = np.full(256, UNLABELLED, np.uint8)
        answers[: len(matching.answers)] = matching.answers
        found[answers[mask] != label] = Difference.CONFUSED
    asked = area(matching)
    if asked is not None:
        there, predicted = np.isin(label, asked.truth), np.isin(mask, asked.network)
        found[there & ~predicted] = Difference.MISSED
        found[predicted & ~there] = Difference.INVENTED
    found[label == UNLABELLED] = Difference.UNKNOWN
    return found


def paint_difference(differs: np.ndarray, image: np.ndarray | None) -> np.ndarray:
    """The differences in colour over the image in grey.

    Args:
        differs: uint8 [H, W], values of `Difference`.
        image: uint8 [H, W, 3] RGB; None where there is none.

    Returns:
        uint8 [H, W, 3] RGB.
    """
    grey: np.ndarray
    if image is None:
        grey = np.full(differs.shape, _EMPTY_GREY, np.uint8)
    else:
        grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY) // 2 + 64
    grey[differs == Difference.UNKNOWN] //= 2
    painted = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    for kind, color in COLORS.items():
        where = differs == kind
        mixed = painted[where] * (1 - _ALPHA) + np.array(color) * _ALPHA
        painted[where] = mixed.round().astype(np.uint8)
    return painted
