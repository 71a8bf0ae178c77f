# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What holds for every loss: slopes, unlabelled pixels, extremes, half precision, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.label_sets import LabelSets

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.lab.training.losses import DistillationLoss, create_loss  # noqa: E402

SPECS = {
    'cross entropy': 'cross_entropy',
    'weighted': {'name': 'weighted_cross_entropy', 'weights': [0.5, 2.0, 1.0, 1.5]},
    'focal': 'focal',
    'focal below 1': {'name': 'focal', 'gamma': 0.5, 'alpha': [1.0, 2.0, 3.0, 4.0]},
    'dice': 'dice',
    'tversky': 'tversky',
    'lovasz': 'lovasz',
    'groups': {'name': 'dice', 'groups': [[0, 1], [0, 1, 2], [2, 3], [0], [1], [2]]},
    'sum': ['cross_entropy', {'name': 'dice', 'weight': 0.5}, {'name': 'lovasz', 'weight': 2}],
}
SETS = LabelSets(4, (frozenset({0, 1, 2}), frozenset({2, 3})))


class Distilled(torch.nn.Module):
    """Distillation as a loss of one teacher, who is half sure of the target."""

    def forward(self, logits, target, sets=None):
        confidence = torch.full_like(target, 128, dtype=torch.uint8)
        return DistillationLoss()(logits, target[:, None], confidence[:, None], sets)


@pytest.fixture(params=[*SPECS, 'distillation'], ids=str)
def loss(request):
    return Distilled() if request.param == 'distillation' else create_loss(SPECS[request.param])


def random_target(codes, shape=(2, 4, 5), seed=0):
    return torch.from_numpy(np.random.default_rng(seed).choice(codes, shape).astype(np.int64))


def random_logits(shape=(2, 4, 4, 5), seed=1, spread=2.0):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, spread, shape))


@pytest.mark.parametrize('codes', [[0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 255], [4, 255], [255]], ids=str)
def test_the_gradient_is_the_values(loss, codes):
    target = random_target(codes, (1, 3, 4))
    logits = random_logits((1, 4, 3, 4)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, target, SETS), logits)


def test_unlabelled_pixels_never_count(loss):
    target = random_target([0, 1, 2, 3, 4, 5])
    hidden = random_target([True, False], seed=2).bool()
    target[hidden] = 255
    logits = random_logits().requires_grad_()
    value = loss(logits, target, SETS)
    value.backward()
    assert not logits.grad.movedim(1, -1)[hidden].any()
    other = torch.where(hidden[:, None], random_logits(seed=3, spread=50), logits.detach())
    assert float(loss(other, target, SETS)) == float(value.detach())
    # The labelled pixels alone, as one image of a single column.
    pixels = logits.detach().movedim(1, -1)[~hidden].T[None, :, :, None]
    alone = loss(pixels, target[~hidden][None, :, None], SETS)
    torch.testing.assert_close(alone, value.detach())


def test_nothing_labelled_is_0_with_a_gradient_of_0(loss):
    logits = random_logits().requires_grad_()
    value = loss(logits, torch.full((2, 4, 5), 255), SETS)
    value.backward()
    assert float(value.detach()) == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize('scale', [0.0, 1.0, 6e4])
@pytest.mark.parametrize('codes', [[0, 1, 2, 3, 4, 5, 255], [2]], ids=str)
def test_extreme_logits_in_half_precision_stay_finite(loss, dtype, scale, codes):
    target = random_target(codes)
    for sign in (1, -1):
        answers = torch.nn.functional.one_hot(target.clamp(max=3), 4).movedim(-1, 1)
        logits = (sign * scale * answers).to(dtype).requires_grad_()
        with torch.autocast('cpu', dtype=torch.bfloat16):
            value = loss(logits, target, SETS)
        assert value.dtype == torch.float32
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize('name', SPECS)
@pytest.mark.parametrize('codes', [[0, 1, 2, 3], [0, 1, 2, 3, 255], [1]], ids=str)
def test_a_perfect_answer_costs_nothing_and_a_wrong_one_does(name, codes):
    loss = create_loss(SPECS[name])
    target = random_target(codes)
    answers = torch.nn.functional.one_hot(target.clamp(max=3), 4).movedim(-1, 1).double()
    assert float(loss(100 * answers, target)) == pytest.approx(0, abs=1e-9)
    assert float(loss(-100 * answers, target)) > 0.5


@pytest.mark.parametrize('name', SPECS)
def test_training_by_it_finds_the_answer(name):
    loss = create_loss(SPECS[name])
    target = random_target([0, 1, 2, 3, 255])
    logits = torch.zeros(2, 4, 4, 5, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        loss(logits, target, SETS).backward()
        optimizer.step()
    labelled = target != 255
    assert torch.equal(logits.argmax(1)[labelled], target[labelled])


@pytest.mark.parametrize(
    ('logits', 'target', 'sets', 'message'),
    [
        (torch.zeros(4, 4, 5), torch.zeros(2, 4, 5).long(), SETS, r'\[4, 4, 5\]; floating'),
        (torch.zeros(2, 1, 4, 5), torch.zeros(2, 4, 5).long(), SETS, 'at least 2 classes'),
        (torch.zeros(2, 4, 4, 5).long(), torch.zeros(2, 4, 5).long(), SETS, 'int64'),
        (torch.zeros(2, 4, 2, 5), torch.zeros(2, 4, 5).long(), SETS, r'\[2, 2, 5\] is needed'),
        (torch.zeros(2, 4, 4, 5), torch.full((2, 4, 5), 6), SETS, r'the codes \[6\]'),
        (torch.zeros(2, 4, 4, 5), torch.full((2, 4, 5), -1), SETS, r'the codes \[-1\]'),
        (torch.zeros(2, 4, 4, 5), torch.full((2, 4, 5), 4), None, r'the codes \[4\]'),
        (torch.zeros(2, 4, 4, 5), torch.zeros(2, 4, 5), SETS, 'the target is torch.float32'),
        (torch.zeros(2, 3, 4, 5), torch.zeros(2, 4, 5).long(), SETS, '3 classes with label sets'),
    ],
)
def test_what_is_refused(logits, target, sets, message):
    for name in ('cross_entropy', 'dice', 'lovasz'):
        with pytest.raises(ParameterError, match=message):
            create_loss(name)(logits, target, sets)
