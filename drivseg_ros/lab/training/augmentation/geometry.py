# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Another camera's view of a frame: one affine map for the image and all planes over it.

The resizing is part of the map, so that pixels are interpolated once. (torchvision's RandomAffine
keeps the size, and takes ten times as long.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from drivseg_ros.images.resizing import Placement, place_image
from drivseg_ros.model.card import LETTERBOX_GREY, UNLABELLED


@dataclass(frozen=True)
class View:
    """Where a frame lies in a view.

    Args:
        zoom_x: Magnification along the rows, before the frame is stretched to the view's size.
        zoom_y: Magnification along the columns.
        angle: Rotation in radians, clockwise as one looks at the view.
        shift_x: Shift to the right, in units of the view's width.
        shift_y: Shift down, in units of the view's height.
    """

    zoom_x: float = 1.0
    zoom_y: float = 1.0
    angle: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0

    def matrix(self, in_size: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
        """Affine 3x3 matrix from pixel indices of the frame to those of the view.

        Args:
            in_size: Width and height of the frame.
            size: Width and height of the view.
        """
        ratio = size[0] / size[1]
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        # In units of half the size, round the centre; the rotation is made in square pixels.
        turn = np.array([[cos, -sin / ratio, 0], [sin * ratio, cos, 0], [0, 0, 1]])
        scale = np.array(
            [[self.zoom_x, 0, 2 * self.shift_x], [0, self.zoom_y, 2 * self.shift_y], [0, 0, 1]]
        )
        return _from_centre(*size) @ turn @ scale @ _to_centre(*in_size)


SAME = View()
"""The whole frame, as it is."""


def draw_view(
    rng: np.random.Generator,
    *,
    zoom_in: float,
    zoom_out: float,
    aspect: float,
    rotation: float,
    shift: float,
) -> View:
    """A random view; see `Augmentation` for the ranges."""
    zoom = math.exp(rng.uniform(-math.log(zoom_out), math.log(zoom_in)))
    stretch = math.exp(rng.uniform(-1, 1) * math.log(aspect) / 2)
    zoom_x, zoom_y = zoom * stretch, zoom / stretch
    angle = math.radians(rng.uniform(-1, 1) * rotation)
    # Half of what the zoom leaves over (or hides) on each side, and a little more.
    play_x, play_y = (abs(z - 1) / 2 + 0.05 for z in (zoom_x, zoom_y))
    shift_x, shift_y = rng.uniform(-1, 1, 2) * shift
    return View(zoom_x, zoom_y, angle, float(shift_x * play_x), float(shift_y * play_y))


def resize_image(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The image stretched to a size exactly as `Segmenter` does it; uint8 [height, width, 3]."""
    resized = np.empty((height, width, 3), np.uint8)
    place_image(image, resized, Placement(0, 0, width, height))
    return resized


def resize_plane(plane: np.ndarray, width: int, height: int) -> np.ndarray:
    """The plane stretched to a size, each pixel from where its centre lies; a new array."""
    if plane.shape == (height, width):
        return plane.copy()
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


def view_image(image: np.ndarray, view: View, width: int, height: int) -> np.ndarray:
    """What a view shows of an image, uint8 [height, width, 3]; grey outside of it.

    Args:
        image: uint8 [H, W, 3].
        view: Where the image lies.
        width: Of the view.
        height: Of the view.
    """
    if view == SAME:
        return resize_image(image, width, height)
    # Interpolation alone leaves pixels out where an image shrinks to less than half. Means over
    # whole blocks are quick; of any other area they take five times as long as all the rest.
    in_height, in_width = image.shape[:2]
    across = max(1, int(in_width / (width * view.zoom_x) + 1e-6))
    down = max(1, int(in_height / (height * view.zoom_y) + 1e-6))
    if (across, down) != (1, 1):
        size = (max(1, in_width // across), max(1, in_height // down))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.warpAffine(
        image,
        view.matrix((image.shape[1], image.shape[0]), (width, height))[:2],
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(LETTERBOX_GREY,) * 3,
    )


def view_plane(plane: np.ndarray, view: View, width: int, height: int) -> np.ndarray:
    """What a view shows of a plane, uint8 [height, width], by nearest neighbour; 255 outside."""
    if view == SAME:
        return resize_plane(plane, width, height)
    size = (plane.shape[1], plane.shape[0])
    return cv2.warpAffine(
        plane,
        view.matrix(size, (width, height))[:2],
        (width, height),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=UNLABELLED,
    )


def _to_centre(width: int, height: int) -> np.ndarray:
    """3x3 matrix from pixel indices to -1...1 over the image (pixel centres lie at i + 0.5)."""
    return np.array([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1]])


def _from_centre(width: int, height: int) -> np.ndarray:
    """Inverse of `_to_centre`."""
    return np.array([[width / 2, 0, (width - 1) / 2], [0, height / 2, (height - 1) / 2], [0, 0, 1]])
