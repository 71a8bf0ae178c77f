# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cross entropy, with or without weights of the classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.lab.training.losses.base import SegmentationLoss
from drivseg_ros.lab.training.losses.class_weights import check_weights, resolve_weights
from drivseg_ros.lab.training.losses.codes import pixel_losses, weights_of_codes
from drivseg_ros.model.card import UNLABELLED


class CrossEntropy(SegmentationLoss):
    """The mean over the labelled pixels of -log p, p the probability of what the label allows.

    For a label that is a set of classes, p is the sum of their probabilities: any way of sharing
    it out among them is right (Jin, Ghahramani: Learning with Multiple Labels, NIPS 2002).
    """

    def compute(self, logits: Tensor, target: Tensor, sets: LabelSets) -> Tensor:
        """See `SegmentationLoss.compute`."""
        total = pixel_losses(logits, target, sets).sum()
        return total / (target != UNLABELLED).sum().clamp(min=1)


class WeightedCrossEntropy(SegmentationLoss):
    """Cross entropy as a mean weighted by the pixels' classes, as torch's `weight` does it.

    A pixel whose label is a set has the mean of its classes' weights.

    Args:
        weights: One a class, at least 0; or 'balanced': `balanced_weights` of `class_shares`.
        class_shares: For 'balanced': the classes' shares of the training set's labelled pixels.

    Raises:
        ParameterError: If the weights are no weights, or 'balanced' has no shares.
    """

    weights: Tensor

    def __init__(
        self, *, weights: str | Sequence[float], class_shares: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        resolved = resolve_weights(weights, class_shares)
        check_weights('weights', resolved)
        self.register_buffer('weights', torch.tensor(resolved, dtype=torch.float64))

    def compute(self, logits: Tensor, target: Tensor, sets: LabelSets) -> Tensor:
        """See `SegmentationLoss.compute`."""
        weights = weights_of_codes(self.weights.to(logits), sets)[target]
        total = (weights * pixel_losses(logits, target, sets)).sum()
        weight = weights.sum()
        # Nothing labelled, or only classes of weight 0: nothing to learn.
        return total / torch.where(weight > 0, weight, torch.ones_like(weight))
