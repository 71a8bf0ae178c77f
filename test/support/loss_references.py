# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The losses once more: numpy in float64, pixel by pixel, straight from their definitions."""

from __future__ import annotations

import itertools

import numpy as np

from drivseg_ros.frames.label_sets import LabelSets

UNLABELLED = 255


def pixels(logits, target, sets=None):
    """Softmax probabilities and the classes allowed, of every labelled pixel."""
    sets = sets or LabelSets(logits.shape[1])
    for n, y, x in np.ndindex(target.shape):
        if target[n, y, x] == UNLABELLED:
            continue
        powers = np.exp(logits[n, :, y, x].astype(np.float64))
        code = int(target[n, y, x])
        allowed = {code} if code < sets.num_classes else set(sets.sets[code - sets.num_classes])
        yield powers / powers.sum(), allowed


def cross_entropy(logits, target, sets=None, weights=None):
    weights = weights or [1.0] * logits.shape[1]
    total = weight = 0.0
    for p, allowed in pixels(logits, target, sets):
        w = np.mean([weights[c] for c in allowed])
        total -= w * np.log(sum(p[c] for c in allowed))
        weight += w
    return total / weight if weight else 0.0


def focal(logits, target, sets=None, gamma=2.0, alpha=None):
    alpha = alpha or [1.0] * logits.shape[1]
    losses = []
    for p, allowed in pixels(logits, target, sets):
        told = sum(p[c] for c in allowed)
        weight = np.mean([alpha[c] for c in allowed])
        losses.append(-weight * (1 - told) ** gamma * np.log(told))
    return np.mean(losses) if losses else 0.0


def _foregrounds(logits, target, sets, groups):
    """Of each group: probability of it and whether it is true, where that is known."""
    for group in groups or [[c] for c in range(logits.shape[1])]:
        yield [
            (sum(p[c] for c in group), allowed <= set(group))
            for p, allowed in pixels(logits, target, sets)
            if allowed <= set(group) or not allowed & set(group)
        ]


def tversky(logits, target, sets=None, alpha=0.3, beta=0.7, smooth=0.0, groups=None):
    losses = []
    for known in _foregrounds(logits, target, sets, groups):
        if not any(true for _, true in known):
            continue
        hit = sum(p for p, true in known if true)
        false = sum(p for p, true in known if not true)
        missing = sum(1 - p for p, true in known if true)
        losses.append(1 - (hit + smooth) / (hit + alpha * false + beta * missing + smooth))
    return np.mean(losses) if losses else 0.0


def dice(logits, target, sets=None, smooth=0.0, groups=None):
    losses = []
    for known in _foregrounds(logits, target, sets, groups):
        truth = sum(true for _, true in known)
        if truth:
            both = sum(p for p, true in known if true)
            whole = sum(p for p, _ in known) + truth
            losses.append(1 - (2 * both + 2 * smooth) / (whole + 2 * smooth))
    return np.mean(losses) if losses else 0.0


def jaccard_distance(wrong, truth):
    """1 - IoU of a class when the pixels of `wrong` are got wrong (Berman et al., equation 6)."""
    return len(wrong) / len(truth | wrong)


def lovasz(logits, target, sets=None, groups=None):
    losses = []
    for known in _foregrounds(logits, target, sets, groups):
        truth = {i for i, (_, true) in enumerate(known) if true}
        if not truth:
            continue
        errors = [1 - p if true else p for p, true in known]
        order = sorted(range(len(known)), key=lambda i: -errors[i])
        wrongs = [set(order[:i]) for i in range(len(order) + 1)]
        losses.append(
            sum(
                errors[i] * (jaccard_distance(after, truth) - jaccard_distance(before, truth))
                for i, (before, after) in zip(order, itertools.pairwise(wrongs), strict=True)
            )
        )
    return np.mean(losses) if losses else 0.0


def distillation(logits, codes, confidence, sets=None):
    losses = []
    for teacher in range(codes.shape[1]):
        sure = confidence[:, teacher][codes[:, teacher] != UNLABELLED] / 255
        for (p, allowed), q in zip(pixels(logits, codes[:, teacher], sets), sure, strict=True):
            inside = sum(p[c] for c in allowed)
            outside = sum(p[c] for c in range(len(p)) if c not in allowed)
            losses.append(-q * np.log(inside) - (1 - q) * np.log(outside))
    return np.mean(losses) if losses else 0.0
