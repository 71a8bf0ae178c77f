# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import loss_references
import numpy as np
import pytest

from drivseg_ros.datasets.label_sets import LabelSets
from drivseg_ros.errors import ParameterError

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.training.losses import DistillationLoss  # noqa: E402

SETS = LabelSets(4, (frozenset({0, 1}), frozenset({2, 3}), frozenset({0, 1, 2})))


@pytest.mark.parametrize(
    ('teachers', 'codes'),
    [(1, [0, 1, 2, 3]), (2, [4, 5]), (3, [0, 3, 4, 5, 6, 255]), (2, [255])],
    ids=str,
)
def test_the_value_is_the_definitions(teachers, codes):
    rng = np.random.default_rng(teachers)
    logits = rng.normal(0, 3, (2, 4, 5, 6))
    hints = rng.choice(codes, (2, teachers, 5, 6)).astype(np.uint8)
    confidence = rng.integers(0, 256, hints.shape, dtype=np.uint8)
    wanted = loss_references.distillation(logits, hints, confidence, SETS)
    tensors = [torch.from_numpy(a) for a in (logits, hints, confidence)]
    assert float(DistillationLoss()(*tensors, SETS)) == pytest.approx(wanted, abs=1e-12)


def test_the_student_ends_as_sure_as_its_teacher():
    """The teacher says drivable with 204 / 255; how it is shared out is left alone."""
    logits = torch.tensor([1.0, 0.0, 0.5, -0.5], dtype=torch.float64).view(1, 4, 1, 1)
    start = logits.flatten().softmax(0)
    logits.requires_grad_()
    optimizer = torch.optim.SGD([logits], lr=1.0)
    code, confidence = (torch.full((1, 1, 1, 1), v, dtype=torch.uint8) for v in (4, 204))
    for _ in range(400):
        optimizer.zero_grad()
        DistillationLoss()(logits, code, confidence, SETS).backward()
        optimizer.step()
    end = logits.detach().flatten().softmax(0)
    assert float(end[:2].sum()) == pytest.approx(0.8, abs=1e-3)
    assert float(end[0] > end[1]) == float(start[0] > start[1])


def test_no_teacher_is_no_loss():
    logits = torch.zeros(2, 4, 3, 3, requires_grad=True)
    nobody = torch.zeros(2, 0, 3, 3, dtype=torch.uint8)
    loss = DistillationLoss()(logits, nobody, nobody, SETS)
    loss.backward()
    assert float(loss.detach()) == 0
    assert not logits.grad.any()


@pytest.mark.parametrize(
    ('codes', 'confidence', 'message'),
    [
        (torch.zeros(2, 3, 3), torch.zeros(2, 3, 3), r'both \[N, T, H, W\]'),
        (torch.zeros(2, 1, 3, 3), torch.zeros(2, 2, 3, 3), r'both \[N, T, H, W\]'),
        (torch.zeros(2, 1, 2, 3), torch.zeros(2, 1, 2, 3), r'\[2, 3, 3\] is needed'),
        (torch.full((2, 1, 3, 3), 7), torch.zeros(2, 1, 3, 3), r'the codes \[7\]'),
    ],
)
def test_what_is_refused(codes, confidence, message):
    with pytest.raises(ParameterError, match=message):
        DistillationLoss()(torch.zeros(2, 4, 3, 3), codes.byte(), confidence.byte(), SETS)


def test_confidence_must_be_bytes():
    codes = torch.zeros(2, 1, 3, 3, dtype=torch.uint8)
    with pytest.raises(ParameterError, match='uint8'):
        DistillationLoss()(torch.zeros(2, 4, 3, 3), codes, codes.float(), SETS)
