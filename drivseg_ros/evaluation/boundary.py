# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Boundary IoU: how well the contours of areas fit (Cheng et al., "Boundary IoU", CVPR 2021).

Of each area only the pixels within a distance d of its contour count, inside of it. Large areas
such as a road have a high IoU however ragged their contours are; this metric sees them.
"""

from __future__ import annotations

import cv2
import numpy as np

from drivseg_ros.model.card import UNLABELLED

DEFAULT_SHARE = 0.02
"""The distance as a share of the image's diagonal, as in the paper's own evaluation."""


def rim_width(height: int, width: int, share: float) -> int:
    """The distance d in pixels: a share of the diagonal, at least 1."""
    return max(1, round(share * float(np.hypot(height, width))))


def rim(mask: np.ndarray, unknown: np.ndarray, distance: int) -> np.ndarray:
    """The pixels of an area within a distance (along rows, columns and diagonals) of its contour.

    The image's border is a contour, as in the paper. Where nothing is labelled, none is drawn: the
    area is taken to go on there.

    Args:
        mask: bool [H, W].
        unknown: bool [H, W], the pixels without a label; they are never part of the rim.
        distance: in pixels.

    Returns:
        bool [H, W].
    """
    kernel = np.ones((2 * distance + 1, 2 * distance + 1), np.uint8)
    whole = (mask | unknown).astype(np.uint8)
    inner = cv2.erode(whole, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return mask & ~unknown & (inner == 0)


def count_boundaries(
    label: np.ndarray,
    prediction: np.ndarray,
    truth_members: np.ndarray,
    network_members: np.ndarray,
    *,
    share: float = DEFAULT_SHARE,
) -> np.ndarray:
    """Counts the pixels of both rims of an image.

    Args:
        label: uint8 [H, W].
        prediction: uint8 [H, W].
        truth_members: bool [targets, 256], the labels' values that belong to each area.
        network_members: bool [targets, 256], likewise the masks'.
        share: the distance as a share of the diagonal; 0 counts nothing.

    Returns:
        int64 [targets, 2]: in both rims, in either.
    """
    found = np.zeros((len(truth_members), 2), np.int64)
    if share <= 0:
        return found
    unknown = label == UNLABELLED
    distance = rim_width(label.shape[0], label.shape[1], share)
    for i, (true, predicted) in enumerate(zip(truth_members, network_members, strict=True)):
        masks = true[label] & ~unknown, predicted[prediction] & ~unknown
        if not (masks[0].any() or masks[1].any()):
            continue
        first, second = (rim(mask, unknown, distance) for mask in masks)
        found[i] = np.count_nonzero(first & second), np.count_nonzero(first | second)
    return found
