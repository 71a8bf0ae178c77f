# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where an image is in the network's input, and how it gets there and back.

Stretched, or letterboxed: as large as fits with its aspect ratio kept, in the middle, the rest
grey. Images are averaged over areas when they shrink and interpolated when they grow; planes of
results come back by nearest neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivseg_ros.model.card import LETTERBOX_GREY, ModelCard, Resize


@dataclass(frozen=True)
class Placement:
    """The rectangle of the network's input, in pixels, that an image covers."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def of(cls, card: ModelCard, *, image_width: int, image_height: int) -> Placement:
        """The rectangle for an image of a size, by the card's `resize`."""
        if card.resize is Resize.STRETCH:
            return cls(0, 0, card.input_width, card.input_height)
        scale = min(card.input_width / image_width, card.input_height / image_height)
        width = max(1, round(image_width * scale))
        height = max(1, round(image_height * scale))
        return cls(
            (card.input_width - width) // 2, (card.input_height - height) // 2, width, height
        )

    @property
    def rows(self) -> slice:
        """The rows of the rectangle."""
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        """The columns of the rectangle."""
        return slice(self.left, self.left + self.width)


def resize_image(image: np.ndarray, *, width: int, height: int) -> np.ndarray:
    """Stretches an image: averaged over areas if it shrinks, else interpolated.

    Args:
        image: uint8 [H, W, 3].
        width: in pixels.
        height: in pixels.

    Returns:
        uint8 [height, width, 3]; the image itself if it has this size.
    """
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] >= height and image.shape[1] >= width
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=interpolation)


def place_image(image: np.ndarray, target: np.ndarray, placement: Placement) -> None:
    """Resizes an image into its rectangle of the target and makes the rest grey.

    Args:
        image: uint8 [H, W, 3] RGB, any strides.
        target: uint8 [h, w, 3], written.
        placement: the rectangle.
    """
    if (placement.height, placement.width) != target.shape[:2]:
        target[...] = LETTERBOX_GREY
        target = target[placement.rows, placement.columns]
    # OpenCV copies arrays with negative strides. A bgr buffer seen as rgb is one, so it is
    # resized as it is in memory, and the few pixels that are left are turned round.
    turned = image.strides[2] < 0
    source = image[..., ::-1] if turned else image
    resized = resize_image(source, width=target.shape[1], height=target.shape[0])
    if turned and target.flags.c_contiguous:
        cv2.cvtColor(resized, cv2.COLOR_BGR2RGB, dst=target)
    else:
        target[...] = resized[..., ::-1] if turned else resized


def restore_plane(plane: np.ndarray, shape: tuple[int, ...], placement: Placement) -> np.ndarray:
    """A plane of results at the image's size, by nearest neighbour.

    Args:
        plane: uint8 [h, w], the network's result.
        shape: height and width of the image.
        placement: the rectangle that the image covered.

    Returns:
        uint8 [H, W], the caller's own.
    """
    if (placement.height, placement.width) != plane.shape:
        plane = plane[placement.rows, placement.columns]
    if plane.shape == shape:
        return plane.copy()
    # Nearest of pixel centres. INTER_NEAREST takes the upper left one and shifts the mask by up
    # to half a network pixel.
    return cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
