# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weights of classes: checked, or balanced by how often the classes occur."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.model.card import UNLABELLED

BALANCED = 'balanced'
_MOST = 1e6


def class_shares(pixels: Sequence[int] | np.ndarray, sets: LabelSets) -> tuple[float, ...]:
    """The classes' shares of the labelled pixels; they sum to 1.

    The pixels of a set are shared out among its classes in the proportion in which these occur
    alone, evenly where none of them does.

    Args:
        pixels: Number of pixels by code; more than `num_codes` entries (255, unlabelled, say)
            are allowed and left out.
        sets: What the codes mean.

    Raises:
        ParameterError: If codes lack a number, or nothing is labelled.
    """
    counts = np.array(pixels, np.float64)  # a copy, for it is changed
    if counts.ndim != 1 or len(counts) < sets.num_codes or (counts < 0).any():
        raise ParameterError(
            f'pixel counts of the shape {list(counts.shape)} for {sets.num_codes} codes; '
            'give one number of at least 0 for each'
        )
    counts[UNLABELLED:] = 0
    alone = counts[: sets.num_classes]
    shared = alone.copy()
    for code, one in enumerate(sets.sets, sets.num_classes):
        ids = sorted(one)
        among = alone[ids] if alone[ids].sum() else np.ones(len(ids))
        shared[ids] += counts[code] * among / among.sum()
    if not shared.sum():
        raise ParameterError('no pixel is labelled, so classes have no shares; check the labels')
    return tuple((shared / shared.sum()).tolist())


def balanced_weights(shares: Sequence[float]) -> tuple[float, ...]:
    """Weights that favour rare classes: 1 / ln(1.02 + share).

    The rule of Paszke et al., "ENet: A Deep Neural Network Architecture for Real-Time Semantic
    Segmentation", 2016, 5.1: from 1.42 for a class that covers everything to 50.5 for one that is
    not there, so that a rare class never outweighs all others together.

    Args:
        shares: The classes' shares of the labelled pixels.

    Raises:
        ParameterError: If they are not shares of a whole.
    """
    check_weights('class_shares', shares)
    if not math.isclose(sum(shares), 1.0, abs_tol=1e-3):
        raise ParameterError(
            f'the class shares {list(shares)} sum to {sum(shares):g}; shares of a whole sum to 1'
        )
    return tuple(1.0 / math.log(1.02 + share) for share in shares)


def resolve_weights(
    weights: str | Sequence[float], shares: Sequence[float] | None
) -> Sequence[float]:
    """The weights themselves, or those that 'balanced' stands for.

    Raises:
        ParameterError: If it is another word, or 'balanced' without shares.
    """
    if not isinstance(weights, str):
        return weights
    if weights != BALANCED:
        raise ParameterError(
            f'weights is {weights!r}; one number a class, or {BALANCED!r}, is allowed'
        )
    if shares is None:
        raise ParameterError(
            f'{BALANCED!r} weights need the class shares of the training set; '
            'give class_shares, or the weights as numbers'
        )
    return balanced_weights(shares)


def check_weights(what: str, weights: object) -> None:
    """Refuses anything but numbers from 0 to 1e6, at least one of them above 0.

    Raises:
        ParameterError: If it is something else.
    """
    fine = (
        isinstance(weights, Sequence)
        and not isinstance(weights, str)
        and all(
            isinstance(w, (int, float)) and not isinstance(w, bool) and 0 <= w <= _MOST
            for w in weights
        )
        and any(weights)
    )
    if not fine:
        raise ParameterError(
            f'{what} is {weights!r}; one number from 0 to {_MOST:g} for each class, not all of '
            'them 0, is allowed'
        )
