# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Losses of regions: dice, and Tversky's, which weighs false and missing pixels differently."""

from __future__ import annotations

import torch
from torch import Tensor

from drivseg_ros.datasets.label_sets import LabelSets
from drivseg_ros.errors import ParameterError
from drivseg_ros.training.losses.base import SegmentationLoss, check_between
from drivseg_ros.training.losses.codes import counted_pixels


class TverskyLoss(SegmentationLoss):
    """1 - TP / (TP + alpha FP + beta FN), the mean over the classes that the batch's labels have.

    TP, FP and FN are sums of softmax probabilities over all counted pixels of the batch, not of
    single images: few images show every class (Salehi, Erdogmus, Gholipour: Tversky loss function
    for image segmentation using 3D fully convolutional deep networks, 2017; its best are 0.3 and
    0.7).

    A pixel whose label is a set of classes is left out for these, and a negative of all others.

    segmentation_models_pytorch has this loss, too, and is not used: it takes TP as half a
    difference of sums, where float32 loses rare classes (with 3 classes of 64 images at 640 x 360
    it gave 0.824 where float64 gives 0.833), and it counts absent classes as perfect.

    Args:
        alpha: Weight of false pixels.
        beta: Weight of missing pixels.
        smooth: Added above and below the fraction.

    Raises:
        ParameterError: If a value is out of range.
    """

    def __init__(self, *, alpha: float = 0.3, beta: float = 0.7, smooth: float = 0.0) -> None:
        super().__init__()
        self.alpha = check_between('alpha', alpha, 0, 10)
        self.beta = check_between('beta', beta, 0, 10)
        self.smooth = check_between('smooth', smooth, 0, 1e6)
        if not self.alpha + self.beta:
            raise ParameterError('alpha and beta are both 0; then every network is perfect')

    def compute(self, logits: Tensor, target: Tensor, sets: LabelSets) -> Tensor:
        """See `SegmentationLoss.compute`."""
        probabilities = torch.softmax(logits, dim=1)
        total, present = logits.new_zeros(()), logits.new_zeros(())
        for class_id in range(sets.num_classes):
            p = probabilities[:, class_id]
            positive = target == class_id
            hit = (p * positive).sum()
            false = (p * (counted_pixels(target, class_id, sets) & ~positive)).sum()
            missing = ((1 - p) * positive).sum()
            there = positive.any()
            below = hit + self.alpha * false + self.beta * missing + self.smooth
            # Not 0 / 0 for a class that is neither there nor predicted.
            score = (hit + self.smooth) / torch.where(below > 0, below, torch.ones_like(below))
            total = total + torch.where(there, 1 - score, torch.zeros_like(score))
            present = present + there
        # Without any class `total` hangs on the logits by zeros, so there is a gradient of 0.
        return total / present.clamp(min=1)


class DiceLoss(TverskyLoss):
    """1 - 2 TP / (2 TP + FP + FN): Tversky's with one half each.

    Milletari, Navab, Ahmadi: V-Net, 2016, with plain sums instead of squares, over all classes
    that the batch's labels have.

    Args:
        smooth: Added above and below TP / (TP + FP / 2 + FN / 2).

    Raises:
        ParameterError: If it is out of range.
    """

    def __init__(self, *, smooth: float = 0.0) -> None:
        super().__init__(alpha=0.5, beta=0.5, smooth=smooth)
