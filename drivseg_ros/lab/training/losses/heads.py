# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The loss of a network with several heads."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.lab.training.losses.base import as_float, check_between

AUXILIARY_WEIGHT = 0.4


class DeepSupervision(nn.Module):
    """A loss of the network's logits, and a share of that of each auxiliary head's.

    The weight is that of Zhao et al., "Pyramid Scene Parsing Network", 2017, 3.3, and of Poudel et
    al., "Fast-SCNN", 2019, 4.

    Args:
        loss: Takes logits, target and sets.
        auxiliary_weight: The weight of each auxiliary head; the first head has 1.

    Raises:
        ParameterError: If the weight is not 0 to 10.
    """

    def __init__(self, loss: nn.Module, *, auxiliary_weight: float = AUXILIARY_WEIGHT) -> None:
        super().__init__()
        self.loss = loss
        self.auxiliary_weight = check_between('auxiliary_weight', auxiliary_weight, 0, 10)

    def forward(
        self, outputs: Tensor | Sequence[Tensor], target: Tensor, sets: LabelSets | None = None
    ) -> Tensor:
        """The loss of a batch.

        Args:
            outputs: Logits [N, C, h, w] of any size, or several, the first the network's answer;
                they are brought to the target's size bilinearly.
            target: uint8 or int64 [N, H, W], codes of `sets`.
            sets: What the codes mean.

        Raises:
            ParameterError: As the loss does.
        """
        heads = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        total = self.loss(upsample(heads[0], target.shape[-2:]), target, sets)
        for logits in heads[1:]:
            loss = self.loss(upsample(logits, target.shape[-2:]), target, sets)
            total = total + self.auxiliary_weight * loss
        return total


def upsample(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Logits [N, C, h, w] at another height and width, bilinearly, in float32 (or float64)."""
    if list(logits.shape[-2:]) == list(size):
        return logits
    return functional.interpolate(
        as_float(logits), size=tuple(size), mode='bilinear', align_corners=False
    )
