# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pixels to take from every image, found once."""

from __future__ import annotations

import cv2
import numpy as np

from drivseg_ros.model.card import UNLABELLED


class Lookup:
    """Which pixel each element of an array is taken from.

    Args:
        pixels: float64 [h, w, 2], column and row; NaN for none.
    """

    def __init__(self, pixels: np.ndarray) -> None:
        rounded = np.rint(np.where(np.isnan(pixels), -1, pixels))
        self._map = np.ascontiguousarray(rounded.astype(np.int16))

    def sample(self, plane: np.ndarray) -> np.ndarray:
        """Takes the nearest pixels.

        Args:
            plane: uint8 [H, W].

        Returns:
            uint8 [h, w], new; 255 where no pixel is named.
        """
        return cv2.remap(  # type: ignore[call-overload]
            plane,
            self._map,
            None,
            cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=UNLABELLED,
        )
