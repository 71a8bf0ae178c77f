# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lovász-softmax: a convex stand-in for 1 - IoU."""

from __future__ import annotations

import torch
from torch import Tensor

from drivseg_ros.lab.training.losses.regions import RegionLoss


class LovaszSoftmax(RegionLoss):
    """The Lovász extension of 1 - IoU at the errors, of each foreground (see `RegionLoss`).

    Berman, Rannen Triki, Blaschko: The Lovász-Softmax loss, CVPR 2018, equations 9 and 11.
    (segmentation_models_pytorch has it for whole labels; its result is no scalar when nothing is
    labelled.)

    Args:
        groups: See `RegionLoss`.

    Raises:
        ParameterError: If the groups are no lists of class ids.
    """

    def foreground_loss(self, p: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """See `RegionLoss.foreground_loss`."""
        # A pixel that does not count has no error, so it comes last and changes nothing.
        error = torch.where(positive, 1 - p, torch.where(negative, p, torch.zeros_like(p)))
        ordered, order = error.flatten().sort(descending=True)
        slopes = lovasz_slopes(positive.flatten()[order]).to(p)
        # Not torch.dot, which adds up millions of small summands one by one.
        return (ordered * slopes).sum()


def lovasz_slopes(positive: Tensor) -> Tensor:
    """How much 1 - IoU grows when one pixel after the other is got wrong.

    Written out: a positive that is missed takes 1 / U from the IoU, a negative that is claimed
    I / (U (U - 1)), with the intersection I and the union U after it. Differences of successive
    IoUs, as in the paper's algorithm 1, are all rounding where a million pixels are counted.

    Args:
        positive: bool [P], in the order in which pixels are got wrong.

    Returns:
        float64 [P]; they sum to 1 if any is positive.
    """
    # Sums of integers are exact, and deterministic on a GPU.
    hits = positive.cumsum(0)
    rank = torch.arange(1, len(positive) + 1, device=positive.device)
    left = (hits[-1] - hits).double()
    union = (hits[-1] + rank - hits).double()
    return torch.where(positive, 1 / union, left / (union * (union - 1).clamp(min=1)))
