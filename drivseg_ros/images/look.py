# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How an overlay looks: the colours' share, and the original beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.images.overlay import draw_overlay
from drivseg_ros.model.segmentation import Segmentation


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
        if not 0 <= self.alpha <= 1:
            raise ParameterError(f'the overlay alpha {self.alpha!r} is not allowed; give 0 to 1')

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
