# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How a camera's rays become pixels: what sensor_msgs/CameraInfo says, for an image's size."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.lens import Brown, Lens, make_lens

MAX_SIDE = 32766
"""The largest image side that look-up tables of int16 can point into."""
_ALIKE = 0.01


@dataclass(frozen=True)
class Roi:
    """The part of the sensor that was read, in pixels before binning; all 0 is the whole.

    Args:
        x_offset: its leftmost column.
        y_offset: its topmost row.
        width: in pixels.
        height: in pixels.
    """

    x_offset: int = 0
    y_offset: int = 0
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Intrinsics:
    """Rays to pixels and back for images of one size. Pixel centres lie at whole numbers.

    Args:
        width: of the image in pixels.
        height: of the image in pixels.
        fx: focal length in pixel widths.
        fy: focal length in pixel heights.
        cx: column of the principal point.
        cy: row of the principal point.
        skew: of the columns against the rows, 0 for nearly all cameras.
        lens: the distortion.

    Raises:
        ParameterError: if one of them is out of range.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    skew: float = 0.0
    lens: Lens = Brown()  # noqa: RUF009  a frozen dataclass

    def __post_init__(self) -> None:
        for name, side in (('width', self.width), ('height', self.height)):
            if not 1 <= side <= MAX_SIDE:
                raise ParameterError(
                    f'camera_info has the {name} {side}; 1 to {MAX_SIDE} pixels are allowed: '
                    'calibrate the camera'
                )
        numbers = (self.fx, self.fy, self.cx, self.cy, self.skew)
        if not all(map(math.isfinite, numbers)) or min(self.fx, self.fy) < 1:
            raise ParameterError(
                f'camera_info has the focal lengths {self.fx:g} and {self.fy:g} and the principal '
                f'point {self.cx:g}, {self.cy:g}; focal lengths of at least 1 pixel are allowed: '
                'calibrate the camera (drivers publish zeros until it is)'
            )

    @classmethod
    def from_camera_info(
        cls,
        *,
        width: int,
        height: int,
        k: Sequence[float],
        d: Sequence[float] = (),
        distortion_model: str = 'plumb_bob',
        binning_x: int = 0,
        binning_y: int = 0,
        roi: Roi = Roi(),
    ) -> Intrinsics:
        """Of the image that a camera with this CameraInfo delivers: its ROI, binned.

        Args:
            width: of the calibrated image in pixels.
            height: of the calibrated image in pixels.
            k: the 3x3 intrinsic matrix, row by row. For rectified images the left 3x3 of `p`,
                without `d`.
            d: the distortion coefficients.
            distortion_model: plumb_bob, rational_polynomial, equidistant or fisheye.
            binning_x: columns that became one; 0 is as 1.
            binning_y: rows that became one; 0 is as 1.
            roi: the part that was read, before binning.

        Raises:
            ParameterError: if something of it is not allowed.
        """
        values = np.asarray(k, np.float64).ravel()
        if values.size != 9:
            raise ParameterError(
                f'camera_info has a matrix k of {values.size} numbers; 9 are allowed, row by row'
            )
        fx, skew, cx, _, fy, cy = values[:6].tolist()
        lens = make_lens(distortion_model, d)
        whole = cls(int(width), int(height), fx, fy, cx, cy, skew, lens)
        part = roi if roi.width or roi.height else Roi(roi.x_offset, roi.y_offset, width, height)
        if not (
            0 <= part.x_offset < width
            and 0 <= part.y_offset < height
            and min(part.width, part.height, binning_x + 1, binning_y + 1) >= 1
        ):
            raise ParameterError(
                f'camera_info has {roi} and the binning {binning_x} x {binning_y} in an image of '
                f'{width} x {height} pixels; a part inside it and 0 or more are allowed: correct it'
            )
        cut = dataclasses.replace(
            whole,
            width=int(part.width),
            height=int(part.height),
            cx=whole.cx - part.x_offset,
            cy=whole.cy - part.y_offset,
        )
        across, down = max(1, binning_x), max(1, binning_y)
        binned = (max(1, cut.width // across), max(1, cut.height // down))
        return cut._scaled(*binned, 1 / across, 1 / down)

    def at_size(self, width: int, height: int) -> Intrinsics:
        """Of the same image, resized.

        Args:
            width: of the image that is there, in pixels.
            height: of the image that is there, in pixels.

        Raises:
            ParameterError: if that image has another shape: something was cut off.
        """
        if (width, height) == (self.width, self.height):
            return self
        across, down = width / self.width, height / self.height
        # A side may have been rounded to whole pixels.
        slack = _ALIKE + 1 / min(self.width, self.height, max(1, width), max(1, height))
        if min(width, height) < 1 or abs(across / down - 1) > slack:
            raise ParameterError(
                f'an image of {width} x {height} pixels came with a camera_info for '
                f'{self.width} x {self.height}, which is not that image resized; publish the '
                'camera_info of this image, or say in its roi what was cut off'
            )
        return self._scaled(width, height, across, down)

    def pixels(self, directions: np.ndarray) -> np.ndarray:
        """Where rays are seen.

        Args:
            directions: float64 [N, 3] in the optical frame (x right, y down, z ahead).

        Returns:
            float64 [N, 2], column and row; NaN where the image does not show them.
        """
        x, y = self.lens.distort(directions).T
        columns, rows = self.fx * x + self.skew * y + self.cx, self.fy * y + self.cy
        with np.errstate(invalid='ignore'):
            seen = (columns >= -0.5) & (columns < self.width - 0.5)
            seen &= (rows >= -0.5) & (rows < self.height - 0.5)
        return np.where(seen[:, None], np.stack([columns, rows], axis=1), np.nan)

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """The rays that pixels see.

        Args:
            pixels: float64 [N, 2], column and row.

        Returns:
            float64 [N, 3] in the optical frame, of any length; NaN where there is none.
        """
        columns, rows = pixels.T
        y = (rows - self.cy) / self.fy
        x = (columns - self.cx - self.skew * y) / self.fx
        return self.lens.undistort(np.stack([x, y], axis=1))

    def _scaled(self, width: int, height: int, across: float, down: float) -> Intrinsics:
        # Pixel centres are at whole numbers, so the image's corner is at -0.5 before and after.
        return dataclasses.replace(
            self,
            width=width,
            height=height,
            fx=self.fx * across,
            fy=self.fy * down,
            cx=(self.cx + 0.5) * across - 0.5,
            cy=(self.cy + 0.5) * down - 0.5,
            skew=self.skew * across,
        )
