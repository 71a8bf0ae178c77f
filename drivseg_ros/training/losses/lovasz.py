# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lovász-softmax: a convex stand-in for 1 - IoU."""

from __future__ import annotations

import torch
from torch import Tensor

from drivseg_ros.datasets.label_sets import LabelSets
from drivseg_ros.training.losses.base import SegmentationLoss
from drivseg_ros.training.losses.codes import counted_pixels


class LovaszSoftmax(SegmentationLoss):
    """The Lovász extension of 1 - IoU at the errors, the mean over the classes that are labelled.

    Berman, Rannen Triki, Blaschko: The Lovász-Softmax loss, CVPR 2018, equations 9 and 11, over
    all counted pixels of the batch. A pixel whose label is a set of classes is left out for these,
    and a negative of all others.

    (segmentation_models_pytorch has it for whole labels; its result is no scalar when nothing is
    labelled.)
    """

    def compute(self, logits: Tensor, target: Tensor, sets: LabelSets) -> Tensor:
        """See `SegmentationLoss.compute`."""
        probabilities = torch.softmax(logits, dim=1)
        total, present = logits.new_zeros(()), logits.new_zeros(())
        for class_id in range(sets.num_classes):
            positive = target == class_id
            # A pixel that does not count has no error, so it comes last and changes nothing.
            error = (positive.to(logits) - probabilities[:, class_id]).abs()
            error = error * counted_pixels(target, class_id, sets)
            ordered, order = error.flatten().sort(descending=True)
            slopes = lovasz_slopes(positive.flatten()[order]).to(logits)
            there = positive.any()
            # Not torch.dot, which adds up millions of small summands one by one.
            total = total + torch.where(there, (ordered * slopes).sum(), 0.0)
            present = present + there
        return total / present.clamp(min=1)


def lovasz_slopes(positive: Tensor) -> Tensor:
    """How much 1 - IoU grows when one pixel after the other is got wrong.

    Written out: a positive that is missed takes 1 / U from the IoU, a negative that is claimed
    I / (U (U - 1)), with the intersection I and the union U after it. Differences of successive
    IoUs, as in the paper's algorithm 1, are all rounding where a million pixels are counted.

    Args:
        positive: bool [P], in the order in which pixels are got wrong, at least one of them True.

    Returns:
        float64 [P]; they sum to 1.
    """
    # Sums of integers are exact, and deterministic on a GPU.
    hits = positive.cumsum(0)
    rank = torch.arange(1, len(positive) + 1, device=positive.device)
    left = (hits[-1] - hits).double()
    union = (hits[-1] + rank - hits).double()
    return torch.where(positive, 1 / union, left / (union * (union - 1).clamp(min=1)))
