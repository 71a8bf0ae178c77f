# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Focal loss: cross entropy that cares less for pixels that are right already."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.lab.training.losses.base import SegmentationLoss, check_between
from drivseg_ros.lab.training.losses.class_weights import check_weights
from drivseg_ros.lab.training.losses.codes import pixel_losses, weights_of_codes
from drivseg_ros.model.card import UNLABELLED


class FocalLoss(SegmentationLoss):
    """The mean over the labelled pixels of -alpha (1 - p)^gamma log p.

    Lin et al., "Focal Loss for Dense Object Detection", 2017, equation 5, with p of the softmax.
    (segmentation_models_pytorch's takes every class for itself, by sigmoids, and has no sets.)
    p is the sum of the probabilities of what the label allows.

    Args:
        gamma: How much less; 0 is cross entropy.
        alpha: A weight a class; a set has the mean of its classes'. None: all 1.

    Raises:
        ParameterError: If gamma is not 0 to 10, or alpha are no weights.
    """

    alpha: Tensor | None

    def __init__(self, *, gamma: float = 2.0, alpha: Sequence[float] | None = None) -> None:
        super().__init__()
        self.gamma = check_between('gamma', gamma, 0, 10)
        if alpha is not None:
            check_weights('alpha', alpha)
        values = None if alpha is None else torch.tensor(alpha, dtype=torch.float64)
        self.register_buffer('alpha', values)

    def compute(self, logits: Tensor, target: Tensor, sets: LabelSets) -> Tensor:
        """See `SegmentationLoss.compute`."""
        cross_entropy = pixel_losses(logits, target, sets)
        # expm1 keeps the digits of 1 - p near 0, where a power below 1 has no finite slope.
        doubt = (-torch.expm1(-cross_entropy)).clamp(min=torch.finfo(logits.dtype).tiny)
        losses = doubt**self.gamma * cross_entropy
        if self.alpha is not None:
            losses = losses * weights_of_codes(self.alpha.to(logits), sets)[target]
        return losses.sum() / (target != UNLABELLED).sum().clamp(min=1)
