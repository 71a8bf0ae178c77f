# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cross-entropy on targets that may know only a part of the truth."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from drivseg_ros.model_card import UNLABELLED
from drivseg_ros.training.targets import ALTERNATIVE, ANY_DRIVABLE, BACKGROUND, DIRECT

AUXILIARY_WEIGHT = 0.4


def partial_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean of -log p(target) over the labelled pixels.

    Where the target is ANY_DRIVABLE, p is the sum of the probabilities of direct and
    alternative: any way of sharing them out is right.

    Args:
        logits: float [N, 3, H, W].
        target: int64 [N, H, W], values of `targets.ALLOWED_TARGETS`.

    Returns:
        A scalar; 0 if nothing is labelled.
    """
    log_p = functional.log_softmax(logits, dim=1)
    drivable = torch.logsumexp(log_p[:, DIRECT : ALTERNATIVE + 1], dim=1, keepdim=True)
    log_p = torch.cat([log_p, drivable], dim=1)
    column = torch.where(target == ANY_DRIVABLE, BACKGROUND + 1, target)
    loss = functional.nll_loss(log_p, column, ignore_index=UNLABELLED, reduction='sum')
    return loss / (target != UNLABELLED).sum().clamp(min=1)


def segmentation_loss(outputs: Tensor | Sequence[Tensor], target: Tensor) -> Tensor:
    """Loss of a network's logits, and 0.4 times that of each auxiliary head's (Fast-SCNN, 4).

    Args:
        outputs: Logits [N, 3, h, w] of any size, the first ones the network's answer; they are
            up-sampled to the target's size.
        target: int64 [N, H, W].
    """
    heads = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    size = tuple(target.shape[1:])
    total = torch.zeros((), device=target.device)
    for index, logits in enumerate(heads):
        upsampled = functional.interpolate(
            logits.float(), size=size, mode='bilinear', align_corners=False
        )
        weight = 1.0 if index == 0 else AUXILIARY_WEIGHT
        total = total + weight * partial_cross_entropy(upsampled, target)
    return total
