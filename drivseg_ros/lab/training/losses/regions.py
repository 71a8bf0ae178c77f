# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Losses of regions: one foreground after the other, over all pixels of the batch."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import torch
from torch import Tensor

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.lab.training.losses.base import SegmentationLoss
from drivseg_ros.lab.training.losses.codes import foreground_probability, known_pixels


class RegionLoss(SegmentationLoss):
    """The mean of a loss of one foreground over all foregrounds that the batch's labels have.

    Sums go over the whole batch, not single images, of which few show every class. A pixel whose
    label is a set of classes counts where the set settles the question: it is a positive if all of
    the set is foreground, a negative if nothing of it is, and left out otherwise.

    Args:
        groups: What is a foreground: lists of class ids, whose probabilities are summed, such as
            `[[0, 1], [0, 1, 2]]` for drivable and road. They take the place of the single classes;
            for these as well write them down, too. None: every class for itself.

    Raises:
        ParameterError: If the groups are no lists of class ids.
    """

    def __init__(self, *, groups: Sequence[Sequence[int]] | None = None) -> None:
        super().__init__()
        self.groups = None if groups is None else _checked(groups)

    def compute(self, logits: Tensor, target: Tensor, sets: LabelSets) -> Tensor:
        """See `SegmentationLoss.compute`."""
        probabilities = torch.softmax(logits, dim=1)
        # Without any foreground `total` hangs on the logits by zeros: there is a gradient of 0.
        total, present = logits.new_zeros(()), logits.new_zeros(())
        for foreground in self._foregrounds(sets.num_classes):
            positive, negative = known_pixels(target, foreground, sets)
            p = foreground_probability(probabilities, foreground)
            there = positive.any()
            loss = self.foreground_loss(p, positive, negative)
            total = total + torch.where(there, loss, torch.zeros_like(loss))
            present = present + there
        return total / present.clamp(min=1)

    @abc.abstractmethod
    def foreground_loss(self, p: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """The loss of one foreground; finite, even where there is no positive pixel.

        Args:
            p: Its probability, float [N, H, W].
            positive: Where it is; bool [N, H, W].
            negative: Where it is not.
        """

    def _foregrounds(self, num_classes: int) -> Sequence[Sequence[int]]:
        if self.groups is None:
            return [(class_id,) for class_id in range(num_classes)]
        for group in self.groups:
            if max(group) >= num_classes or len(group) == num_classes:
                raise ParameterError(
                    f'the group {list(group)} of a loss for the classes 0 to {num_classes - 1}; '
                    'some of these, not all, are allowed'
                )
        return self.groups


def _checked(groups: object) -> tuple[tuple[int, ...], ...]:
    fine = (
        isinstance(groups, Sequence)
        and not isinstance(groups, str)
        and groups
        and all(
            isinstance(group, Sequence)
            and not isinstance(group, str)
            and group
            and all(type(c) is int and c >= 0 for c in group)
            and len(set(group)) == len(group)
            for group in groups
        )
    )
    if not fine:
        raise ParameterError(
            f'groups is {groups!r}; a list of lists of class ids, such as [[0, 1], [2]], is allowed'
        )
    return tuple(tuple(group) for group in groups)  # type: ignore[attr-defined]
