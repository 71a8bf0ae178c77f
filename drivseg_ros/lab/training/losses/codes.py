# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A target's codes (see `LabelSets`) in terms of probabilities and of positives and negatives."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.model.card import UNLABELLED


def check_logits(logits: Tensor, plane_shape: Sequence[int]) -> None:
    """Refuses logits that are not floating [N, C, H, W] over planes [N, H, W].

    Raises:
        ParameterError: If they are not.
    """
    if logits.ndim != 4 or logits.shape[1] < 2 or not logits.is_floating_point():
        raise ParameterError(
            f'logits are {logits.dtype} {list(logits.shape)}; floating [N, C, H, W] of at least '
            '2 classes is needed'
        )
    wanted = [logits.shape[0], *logits.shape[2:]]
    if list(plane_shape) != wanted:
        raise ParameterError(
            f'logits of {list(logits.shape)} with a target of {list(plane_shape)}; '
            f'{wanted} is needed: up-sample the logits (DeepSupervision does)'
        )


def check_target(target: Tensor, num_classes: int, sets: LabelSets) -> None:
    """Refuses targets that are no codes of `sets`, or sets of another number of classes.

    Raises:
        ParameterError: If they are.
    """
    if sets.num_classes != num_classes:
        raise ParameterError(
            f'logits of {num_classes} classes with label sets of {sets.num_classes}; '
            'they must be the same classes'
        )
    if target.dtype not in (torch.uint8, torch.int64):
        raise ParameterError(f'the target is {target.dtype}; uint8 or int64 is needed')
    strays = (target >= sets.num_codes) & (target != UNLABELLED)
    if target.dtype == torch.int64:
        strays |= target < 0
    if bool(strays.any()):
        raise ParameterError(
            f'the target has the codes {torch.unique(target[strays]).tolist()}; allowed are 0 to '
            f'{sets.num_codes - 1} ({num_classes} classes and {len(sets.sets)} sets of them) and '
            f'{UNLABELLED}: map the labels to the classes'
        )


def log_probabilities(logits: Tensor, sets: LabelSets) -> Tensor:
    """Log of the probability of every code: of a class, or of any of a set's classes.

    The sum of probabilities is taken as a log-sum-exp, so that none of them vanishes.

    Args:
        logits: float [N, C, H, W].
        sets: What the codes mean.

    Returns:
        float [N, num_codes, H, W], at most 0.
    """
    log_p = functional.log_softmax(logits, dim=1)
    if not sets.sets:
        return log_p
    sums = [torch.logsumexp(log_p[:, sorted(one)], dim=1, keepdim=True) for one in sets.sets]
    # Rounding may take a sum of probabilities above 1.
    return torch.cat([log_p, *(s.clamp(max=0) for s in sums)], dim=1)


def pixel_losses(logits: Tensor, target: Tensor, sets: LabelSets) -> Tensor:
    """-log of the probability that the target's code has, 0 where nothing is labelled.

    Args:
        logits: float [N, C, H, W].
        target: int64 [N, H, W].
        sets: What the codes mean.

    Returns:
        float [N, H, W].
    """
    # Not reduced here: the reducing kernel is not deterministic on GPUs.
    return functional.nll_loss(
        log_probabilities(logits, sets), target, ignore_index=UNLABELLED, reduction='none'
    )


def weights_of_codes(weights: Tensor, sets: LabelSets) -> Tensor:
    """A weight for every code from weights of the classes: a set has the mean of its classes'.

    Args:
        weights: float [C].
        sets: What the codes mean.

    Returns:
        float [256], 0 for unlabelled.

    Raises:
        ParameterError: If there is not one weight a class.
    """
    if len(weights) != sets.num_classes:
        raise ParameterError(
            f'{len(weights)} class weights are given for {sets.num_classes} classes; '
            'give one each, in the order of the classes'
        )
    table = torch.zeros(UNLABELLED + 1, dtype=weights.dtype, device=weights.device)
    table[: sets.num_classes] = weights
    for code, one in enumerate(sets.sets, sets.num_classes):
        table[code] = weights[sorted(one)].mean()
    return table


def known_pixels(
    target: Tensor, foreground: Collection[int], sets: LabelSets
) -> tuple[Tensor, Tensor]:
    """Where a pixel is known to be of the foreground, and where it is known not to be.

    A code whose classes are all among the foreground's is positive, one without any of them
    negative; of any other, and of unlabelled pixels, nothing is known.

    Args:
        target: int64 [N, H, W].
        foreground: Ids of the classes.
        sets: What the codes mean.

    Returns:
        Two planes, bool [N, H, W].
    """
    inside = set(foreground)
    positive = torch.zeros_like(target, dtype=torch.bool)
    unknown = target == UNLABELLED
    for code, row in enumerate(sets.table()):
        allowed = set(row.nonzero()[0].tolist())
        if allowed <= inside:
            positive |= target == code
        elif allowed & inside:
            unknown |= target == code
    return positive, ~(positive | unknown)


def foreground_probability(probabilities: Tensor, foreground: Collection[int]) -> Tensor:
    """The sum of the classes' probabilities, float [N, H, W], of [N, C, H, W]."""
    planes = [probabilities[:, class_id] for class_id in sorted(foreground)]
    return planes[0] if len(planes) == 1 else torch.stack(planes).sum(dim=0)
