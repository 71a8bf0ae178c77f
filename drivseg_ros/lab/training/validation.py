# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good a network is on the validation frames: sums over the whole set, metrics once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.lab.training.metrics import PartialMetrics
from drivseg_ros.model.card import UNLABELLED, ModelClass


class ValidationSums:
    """What one validation set adds up to, on the network's device.

    Args:
        sets: What the codes of targets mean.
        device: Where the sums lie.
    """

    def __init__(self, sets: LabelSets, device: torch.device) -> None:
        self.sets = sets
        self._allowed = torch.from_numpy(sets.table()).to(device)
        shape = (sets.num_codes, sets.num_classes)
        self.counts = torch.zeros(shape, dtype=torch.int64, device=device)
        # Of each class: probability where it is right, all probability, all labels.
        self.overlap = torch.zeros(3, sets.num_classes, dtype=torch.float64, device=device)

    def update(self, probabilities: Tensor, target: Tensor) -> None:
        """Adds frames.

        Args:
            probabilities: float32 [N, C, H, W].
            target: uint8 [N, H, W], codes of the sets.
        """
        classes = self.sets.num_classes
        known = target != UNLABELLED
        codes = target[known].long()
        flat = probabilities.movedim(1, -1)[known]
        pairs = codes * classes + flat.argmax(1)
        counted = torch.bincount(pairs, minlength=self.counts.numel())
        self.counts += counted.view_as(self.counts)
        # A pixel that may be of the class and may be of another says nothing about it.
        allowed = self._allowed[codes]
        certain = allowed & (codes < classes)[:, None]
        counting = certain | ~allowed
        p = flat * counting
        self.overlap[0] += (p * certain).sum(0, dtype=torch.float64)
        self.overlap[1] += p.sum(0, dtype=torch.float64)
        self.overlap[2] += certain.sum(0, dtype=torch.float64)

    def reduce(self) -> None:
        """Adds up the sums of all processes, if there are several."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(self.counts)
            torch.distributed.all_reduce(self.overlap)

    @property
    def dice_loss(self) -> float:
        """1 - the mean over the labelled classes of the soft Dice coefficient; NaN without any.

        Milletari et al., "V-Net", 2016, without squares, and over the set instead of a batch.
        """
        right, predicted, labelled = self.overlap.cpu().numpy()
        there = labelled > 0
        if not there.any():
            return float('nan')
        return float(1 - np.mean(2 * right[there] / (predicted[there] + labelled[there])))

    def metrics(self, classes: tuple[ModelClass, ...]) -> dict[str, float]:
        """The dice loss, and the metrics read off the confusion matrix."""
        partial = PartialMetrics(self.counts.cpu().numpy(), self.sets)
        return {'dice_loss': self.dice_loss, **partial.by_name(classes)}


def join_metrics(by_set: dict[str, dict[str, float]]) -> dict[str, float]:
    """One list of metrics from those of several sets.

    Their truths differ, so each keeps its own; only the dice loss is meant as well, because one
    number must choose the best epoch. A set whose frames settle no class, as a few that are tried
    out may, has no part in the mean.
    """
    if len(by_set) == 1:
        return next(iter(by_set.values()))
    losses = [metrics['dice_loss'] for metrics in by_set.values()]
    known = [loss for loss in losses if not np.isnan(loss)]
    joined = {'dice_loss': float(np.mean(known)) if known else float('nan')}
    for name, metrics in by_set.items():
        joined |= {f'{name}/{key}': value for key, value in metrics.items()}
    return joined
