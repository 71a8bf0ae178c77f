# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures for people: the classes in their colours, alone and over the camera's image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivseg_ros.errors import ImageError, ParameterError
from drivseg_ros.images.arrays import check_rgb, contiguous
from drivseg_ros.model.card import ModelCard, Role
from drivseg_ros.model.segmentation import Segmentation

_BAND_PIXELS = 2**16


def color_mask(class_ids: np.ndarray, card: ModelCard) -> np.ndarray:
    """Paints every pixel in the colour of its class.

    Args:
        class_ids: uint8 [H, W].
        card: the card whose classes these are; ids that it does not know become black.

    Returns:
        uint8 [H, W, 3] RGB, new.

    Raises:
        ImageError: with the kind 'array', if `class_ids` is something else.
    """
    if class_ids.dtype != np.uint8 or class_ids.ndim != 2 or 0 in class_ids.shape:
        raise ImageError(
            f'class ids given as {class_ids.dtype} of shape {class_ids.shape}; '
            'uint8 [H, W], not empty, is allowed: convert them',
            kind='array',
        )
    mask = np.empty((*class_ids.shape, 3), np.uint8)
    for band in _bands(class_ids.shape):
        _paint(class_ids[band], card, mask[band])
    return mask


def draw_overlay(
    image_rgb: np.ndarray, segmentation: Segmentation, *, alpha: float = 0.5
) -> np.ndarray:
    """Blends the colours of the classes into the image.

    Only pixels whose class has a role are changed, each channel to
    `round((image * (256 - a) + color * a) / 256)` with `a = round(256 * alpha)`, both rounded half
    to even. Numerators and weights fit into float32 without loss, so it is the same everywhere.

    Args:
        image_rgb: uint8 [H, W, 3] RGB, any strides.
        segmentation: what was found in it, of the same size.
        alpha: the colours' share: 0 gives the image back, 1 the pure colours.

    Returns:
        uint8 [H, W, 3] RGB, new.

    Raises:
        ImageError: with the kind 'array', if the image or its size is another.
        ParameterError: if alpha is out of range.
    """
    _check_alpha(alpha)
    check_rgb(image_rgb)
    class_ids = segmentation.class_ids
    if image_rgb.shape[:2] != class_ids.shape:
        raise ImageError(
            f'an image of {image_rgb.shape[1]} x {image_rgb.shape[0]} pixels with a segmentation '
            f'of {class_ids.shape[1]} x {class_ids.shape[0]}; the same size is allowed: '
            'draw over the image that was segmented',
            kind='array',
        )
    weight = round(256 * alpha) / 256
    has_role = np.zeros(256, np.uint8)
    has_role[[c.id for c in segmentation.card.classes if c.role is not Role.NONE]] = 255
    # Where the image was turned round it is a copy already.
    image = contiguous(image_rgb)
    overlay = image.copy() if np.may_share_memory(image, image_rgb) else image
    bands = _bands(class_ids.shape)
    scratch = np.empty_like(overlay[bands[0]])
    for band in bands:
        ids, out = class_ids[band], overlay[band]
        colors = scratch[: len(ids)]
        _paint(ids, segmentation.card, colors)
        cv2.addWeighted(out, 1 - weight, colors, weight, 0, dst=colors)
        cv2.copyTo(colors, cv2.LUT(ids, has_role), dst=out)
    return overlay


@dataclass(frozen=True)
class Look:
    """How an overlay looks.

    Attributes:
        alpha: opacity of the colours, 0 to 1.
        side_by_side: the original at the left, the overlay at the right.

    Raises:
        ParameterError: if alpha is out of range.
    """

    alpha: float = 0.5
    side_by_side: bool = False

    def __post_init__(self) -> None:
        _check_alpha(self.alpha)

    def draw(self, image: np.ndarray, segmentation: Segmentation) -> np.ndarray:
        """Draws the overlay.

        Args:
            image: uint8 [H, W, 3] RGB.
            segmentation: of that image.

        Returns:
            uint8 [H, W, 3] RGB, or [H, 2 W, 3] side by side.
        """
        overlay = draw_overlay(image, segmentation, alpha=self.alpha)
        return np.hstack([image, overlay]) if self.side_by_side else overlay


def _check_alpha(alpha: float) -> None:
    if not 0 <= alpha <= 1:
        raise ParameterError(f'the overlay alpha {alpha!r} is not allowed; give 0 to 1')


def _paint(class_ids: np.ndarray, card: ModelCard, target: np.ndarray) -> None:
    # A look-up with three channels at once: three times as fast as numpy's take.
    cv2.applyColorMap(class_ids, card.palette.reshape(256, 1, 3), dst=target)


def _bands(shape: tuple[int, ...]) -> list[slice]:
    """Slices of some rows each, small enough that what is made between stays in the cache.

    Fresh memory of an image's size costs more than the arithmetic: the system clears it first.
    """
    height, width = shape
    rows = max(1, _BAND_PIXELS // width)
    return [slice(start, start + rows) for start in range(0, height, rows)]
