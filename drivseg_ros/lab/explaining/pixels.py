# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pixels that are asked about: single ones, a rectangle, or those predicted as a class."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.images.resizing import Placement


@dataclass(frozen=True)
class Spot:
    """Pixels of the image, named by a person: points, or a rectangle.

    Args:
        points: (x, y) of each, in pixels of the image.
        region: (x, y, width, height) of a rectangle, in pixels of the image; or None.

    Raises:
        ParameterError: if both or neither are given, or the rectangle is empty.
    """

    points: tuple[tuple[int, int], ...] = ()
    region: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        if bool(self.points) == (self.region is not None):
            raise ParameterError(
                'points (--at) and a region (--region) were given; give one of the two'
                if self.points
                else 'neither points (--at) nor a region (--region) were given; give one of the two'
            )
        if self.region is not None and min(self.region[2:]) < 1:
            raise ParameterError(
                f'the region {self.region} is empty; give X,Y,WIDTH,HEIGHT with sides of at least 1'
            )

    def mask(
        self, *, image_width: int, image_height: int, placement: Placement, width: int, height: int
    ) -> np.ndarray:
        """These pixels in the network's input.

        Args:
            image_width: of the image, in pixels; image_height likewise.
            image_height: see there.
            placement: where the image lies in the network's input.
            width: of the network's input; height likewise.
            height: see there.

        Returns:
            bool [height, width], true at one pixel at least.

        Raises:
            ParameterError: if one of them is outside of the image.
        """
        mask = np.zeros((height, width), bool)
        rectangles = (
            [(x, y, 1, 1) for x, y in self.points] if self.region is None else [self.region]
        )
        for x, y, w, h in rectangles:
            if x < 0 or y < 0 or x + w > image_width or y + h > image_height:
                what = f'{x},{y}' if self.region is None else f'{x},{y},{w},{h}'
                raise ParameterError(
                    f'{what} is outside of the image, which is {image_width}x{image_height}; '
                    f'x from 0 to {image_width - 1} and y from 0 to {image_height - 1} are inside'
                )
            columns = _span(x, w, image_width, placement.left, placement.width)
            rows = _span(y, h, image_height, placement.top, placement.height)
            mask[rows, columns] = True
        return mask

    def __str__(self) -> str:
        if self.region is not None:
            x, y, w, h = self.region
            return f'the region {w}x{h} at {x},{y}'
        return ' and '.join(f'the pixel {x},{y}' for x, y in self.points)


def centre_bottom(*, image_width: int, image_height: int) -> Spot:
    """The road before the car: the middle, a tenth of the height above the lower edge.

    The edge itself often shows the bonnet.
    """
    return Spot(points=((image_width // 2, min(image_height - 1, image_height * 9 // 10)),))


def grid_weights(mask: np.ndarray, *, rows: int, columns: int) -> np.ndarray:
    """The share of a mask's pixels that falls into each cell of a coarser grid.

    Args:
        mask: bool [H, W], true somewhere.
        rows: of the grid, at most H; columns likewise.
        columns: see there.

    Returns:
        float64 [rows, columns]; the sum is 1.
    """
    y, x = mask.nonzero()
    cell_y = ((y + 0.5) * rows / mask.shape[0]).astype(np.int64)
    cell_x = ((x + 0.5) * columns / mask.shape[1]).astype(np.int64)
    counts = np.bincount(cell_y * columns + cell_x, minlength=rows * columns)
    return counts.reshape(rows, columns) / counts.sum()


def _span(start: int, size: int, image_size: int, offset: int, placed: int) -> slice:
    """The network's pixels whose centres lie in a span of the image; if none do, the nearest."""
    scale = placed / image_size
    first, last = (math.ceil(edge * scale - 0.5) for edge in (start, start + size))
    if first >= last:
        first = int((start + size / 2) * scale)
        last = first + 1
    return slice(offset + first, offset + last)
