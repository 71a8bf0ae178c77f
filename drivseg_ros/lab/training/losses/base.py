# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What all losses have in common: their arguments, and arithmetic in float32."""

from __future__ import annotations

import abc

import torch
from torch import Tensor, nn

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.lab.training.losses.codes import check_logits, check_target


class SegmentationLoss(nn.Module, abc.ABC):
    """A scalar from logits and a target; pixels that nobody labelled have no part in it.

    Whatever the precision the network runs in, a loss calculates in float32 (in float64 for
    logits of float64), also under autocast: sums over a million pixels need it.
    """

    def forward(self, logits: Tensor, target: Tensor, sets: LabelSets | None = None) -> Tensor:
        """The loss of a batch.

        Args:
            logits: Floating [N, C, H, W].
            target: uint8 or int64 [N, H, W], codes of `sets`.
            sets: What the codes mean; without it they are classes, and 255 is unlabelled.

        Returns:
            float32 (float64 for such logits), a scalar; 0 with a gradient of 0 if no pixel is
            labelled.

        Raises:
            ParameterError: If the shapes do not fit together, or a code has no meaning.
        """
        check_logits(logits, target.shape)
        sets = LabelSets(logits.shape[1]) if sets is None else sets
        check_target(target, logits.shape[1], sets)
        with torch.autocast(logits.device.type, enabled=False):
            return self.compute(as_float(logits), target.long(), sets)

    @abc.abstractmethod
    def compute(self, logits: Tensor, target: Tensor, sets: LabelSets) -> Tensor:
        """The loss, with arguments that have been checked.

        Args:
            logits: float32 or float64 [N, C, H, W].
            target: int64 [N, H, W], codes of `sets`.
            sets: What the codes mean.
        """


def as_float(logits: Tensor) -> Tensor:
    """The logits in float32, or as they are in float64."""
    return logits if logits.dtype == torch.float64 else logits.float()


def check_between(what: str, value: object, low: float, high: float) -> float:
    """A number of a recipe.

    Raises:
        ParameterError: If it is none, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ParameterError(f'{what} is {value!r}; a number from {low:g} to {high:g} is allowed')
    return float(value)
