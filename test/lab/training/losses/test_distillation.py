# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import loss_references
import numpy as np
import pytest

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.label_sets import LabelSets

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.lab.training.losses import DistillationLoss  # noqa: E402
from drivseg_ros.lab.training.losses.distillation import open_questions  # noqa: E402

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


# SETS: 4 drivable {0, 1}, 5 {2, 3}, 6 road {0, 1, 2}.
@pytest.mark.parametrize(
    ('label', 'told', 'asked'),
    [
        (255, 0, True),
        (255, 6, True),
        (255, 255, False),
        (0, 255, False),
        (6, 4, True),  # a road: the teacher knows that it is drivable
        (6, 0, True),
        (6, 5, True),  # a road, and not ours to drive
        (5, 6, True),
        (0, 4, False),  # direct is drivable, anyhow
        (4, 4, False),
        (4, 6, False),
        (0, 0, False),
        (0, 1, False),  # people are right
        (4, 5, False),
        (3, 6, False),
    ],
)
def test_teachers_are_asked_what_people_left_open(label, told, asked):
    assert bool(open_questions(SETS)[label, told]) is asked
    logits = torch.randn(1, 4, 1, 2, generator=torch.Generator().manual_seed(1))
    # A second pixel, which nobody labelled, is always asked about.
    codes = torch.tensor([told, 3], dtype=torch.uint8).view(1, 1, 1, 2)
    target = torch.tensor([label, 255]).view(1, 1, 2)
    confidence = torch.full_like(codes, 200)
    value = DistillationLoss()(logits, codes, confidence, SETS, target=target)
    open_codes = codes if asked else torch.tensor([255, 3], dtype=torch.uint8).view(1, 1, 1, 2)
    assert value == DistillationLoss()(logits, open_codes, confidence, SETS)


def test_answers_and_labels_agree_with_brute_force():
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 2, (2, 4, 6, 7))
    hints = rng.choice([0, 1, 2, 3, 4, 5, 6, 255], (2, 3, 6, 7)).astype(np.uint8)
    target = rng.choice([0, 1, 2, 3, 4, 5, 6, 255], (2, 6, 7))
    confidence = rng.integers(0, 256, hints.shape, dtype=np.uint8)
    classes = [{0}, {1}, {2}, {3}, *SETS.sets]
    kept = hints.copy()
    for n, t, y, x in np.ndindex(hints.shape):
        if 255 not in (hints[n, t, y, x], target[n, y, x]):
            told, label = classes[hints[n, t, y, x]], classes[target[n, y, x]]
            if label <= told or not label & told:
                kept[n, t, y, x] = 255
    wanted = loss_references.distillation(logits, kept, confidence, SETS)
    tensors = [torch.from_numpy(a) for a in (logits, hints, confidence)]
    value = DistillationLoss()(*tensors, SETS, target=torch.from_numpy(target))
    assert float(value) == pytest.approx(wanted, abs=1e-12)


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


@pytest.mark.parametrize(
    ('target', 'message'),
    [(torch.zeros(2, 2, 3).long(), 'is needed'), (torch.full((2, 3, 3), 7), r'the codes \[7\]')],
)
def test_targets_that_do_not_fit(target, message):
    codes = torch.zeros(2, 1, 3, 3, dtype=torch.uint8)
    with pytest.raises(ParameterError, match=message):
        DistillationLoss()(torch.zeros(2, 4, 3, 3), codes, codes, SETS, target=target)


def test_confidence_must_be_bytes():
    codes = torch.zeros(2, 1, 3, 3, dtype=torch.uint8)
    with pytest.raises(ParameterError, match='uint8'):
        DistillationLoss()(torch.zeros(2, 4, 3, 3), codes, codes.float(), SETS)
