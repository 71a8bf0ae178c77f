# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A frame with its target over it, to see what the network is shown."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.model.card import UNLABELLED, ModelClass

_STRIPE = 8


def blend_target(
    image: np.ndarray,
    target: np.ndarray,
    classes: Sequence[ModelClass],
    sets: LabelSets,
    *,
    alpha: float = 0.45,
) -> np.ndarray:
    """A frame with its target's colours over it.

    Classes that are black are left as the picture is. A set of classes is striped in their
    colours, and where nothing is labelled there are grey stripes the other way.

    Args:
        image: uint8 [H, W, 3] RGB.
        target: uint8 [h, w], codes of `sets`; of another size it is stretched.
        classes: The network's classes.
        sets: What the codes mean.
        alpha: The colours' share.

    Returns:
        uint8 [H, W, 3] RGB, new.

    Raises:
        DataError: If the target has a code that has no meaning.
    """
    if target.shape != image.shape[:2]:
        size = (image.shape[1], image.shape[0])
        target = cv2.resize(target, size, interpolation=cv2.INTER_NEAREST_EXACT)
    strays = sorted(set(np.unique(target).tolist()) - {*range(sets.num_codes), UNLABELLED})
    if strays:
        raise DataError(
            f'a target to draw has the codes {strays}; allowed are 0 to {sets.num_codes - 1} and '
            f'{UNLABELLED}'
        )
    rows, columns = np.indices(target.shape)
    stripe = (rows + columns) // _STRIPE
    colors = np.zeros(image.shape, np.uint8)
    tinted = np.zeros(target.shape, bool)
    for code, allowed in enumerate(sets.table()):
        members = [np.array(classes[int(c)].color, np.uint8) for c in np.flatnonzero(allowed)]
        for i, color in enumerate(members):
            where = (target == code) & (stripe % len(members) == i)
            colors[where] = color
            tinted |= where & bool(color.any())
    nothing = (target == UNLABELLED) & ((rows - columns) // _STRIPE % 2 == 0)
    colors[nothing] = 128
    blended = cv2.addWeighted(image, 1 - alpha, colors, alpha, 0)
    return np.where((tinted | nothing)[..., None], blended, image)
