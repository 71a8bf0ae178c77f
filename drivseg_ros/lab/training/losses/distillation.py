# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Learning from other networks' answers instead of labels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.lab.training.losses.base import as_float
from drivseg_ros.lab.training.losses.codes import check_logits, check_target
from drivseg_ros.model.card import UNLABELLED


class DistillationLoss(nn.Module):
    """Cross entropy with what teachers believe: -(q log S + (1 - q) log(1 - S)).

    A teacher (Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network, 2015) speaks of
    every pixel one of its classes, and how sure it is of it. Its classes need not be the
    student's: the class named stands for a set of the student's, whose probabilities sum to S; q is
    the teacher's probability. The loss is least, the entropy of q, where S is q, and what the
    student makes of the classes inside and outside of the set is its own affair.

    Its value is the mean over all answers of all teachers that are asked; where labels are given
    as well, only some are (see `open_questions`).
    """

    def forward(
        self,
        logits: Tensor,
        codes: Tensor,
        confidence: Tensor,
        sets: LabelSets | None = None,
        *,
        target: Tensor | None = None,
    ) -> Tensor:
        """The loss of a batch.

        Args:
            logits: Floating [N, C, H, W], C at least 2.
            codes: uint8 or int64 [N, T, H, W], codes of `sets` that T teachers gave; 255: nothing.
            confidence: uint8 [N, T, H, W], 255 times the teachers' probability of it.
            sets: What the codes mean; without it they are the student's classes.
            target: uint8 or int64 [N, H, W], the labels in codes of `sets`; None: there are none.

        Returns:
            float32 (float64 for such logits), a scalar; 0 with a gradient of 0 if no code is given.

        Raises:
            ParameterError: If the shapes do not fit together, or a code has no meaning.
        """
        if codes.ndim != 4 or codes.shape != confidence.shape or confidence.dtype != torch.uint8:
            raise ParameterError(
                f'hints are {list(codes.shape)}, their confidence {confidence.dtype} '
                f'{list(confidence.shape)}; both [N, T, H, W], and uint8, are needed'
            )
        check_logits(logits, (codes.shape[0], *codes.shape[2:]))
        sets = LabelSets(logits.shape[1]) if sets is None else sets
        check_target(codes, logits.shape[1], sets)
        if target is not None:
            check_logits(logits, target.shape)
            check_target(target, logits.shape[1], sets)
            asked = open_questions(sets).to(codes.device)[target.long()[:, None], codes.long()]
            codes = codes.where(asked, UNLABELLED)
        with torch.autocast(logits.device.type, enabled=False):
            return self._compute(as_float(logits), codes.long(), confidence, sets)

    def _compute(
        self, logits: Tensor, codes: Tensor, confidence: Tensor, sets: LabelSets
    ) -> Tensor:
        log_p = functional.log_softmax(logits, dim=1)
        allowed = torch.from_numpy(sets.table()).to(logits.device)
        total = logits.sum() * 0  # so that there is a gradient without any teacher
        given = (codes != UNLABELLED).sum()
        for teacher in range(codes.shape[1]):
            known = codes[:, teacher] != UNLABELLED
            inside = allowed[codes[:, teacher].where(known, 0)].permute(0, 3, 1, 2)
            q = confidence[:, teacher].to(logits) / 255
            losses = q * _log_sum(log_p, inside) + (1 - q) * _log_sum(log_p, ~inside)
            total = total - losses.where(known, 0).sum()
        return total / given.clamp(min=1)


def open_questions(sets: LabelSets) -> Tensor:
    """Whether a teacher that gives one code is asked where a label says another.

    Not where its answer contains all that the label allows, for then it says nothing new; nor
    where the two exclude each other, for people are right. Where nothing is labelled it is.

    Returns:
        bool [256, 256], by the label's code and the teacher's; False where the teacher gives
        nothing.
    """
    allowed = sets.table()
    known = np.ones((UNLABELLED + 1, UNLABELLED + 1), bool)
    known[:, UNLABELLED] = False
    for label, of_label in enumerate(allowed):
        for given, of_teacher in enumerate(allowed):
            shared = of_label & of_teacher
            known[label, given] = shared.any() and not (shared == of_label).all()
    return torch.from_numpy(known)


def _log_sum(log_p: Tensor, chosen: Tensor) -> Tensor:
    """Log of the sum of the chosen classes' probabilities, float [N, H, W]."""
    return log_p.masked_fill(~chosen, -torch.inf).logsumexp(dim=1)
