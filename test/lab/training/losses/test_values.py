# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Each loss against its definition in numpy, and against other people's implementations."""

from __future__ import annotations

import loss_references
import numpy as np
import pytest

from drivseg_ros.frames.label_sets import LabelSets

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.lab.training.losses import create_loss  # noqa: E402

WEIGHTS = [0.5, 2.0, 1.25, 0.0]


@pytest.mark.parametrize(
    ('name', 'arguments', 'reference'),
    [
        ('cross_entropy', {}, loss_references.cross_entropy),
        ('weighted_cross_entropy', {'weights': WEIGHTS}, loss_references.cross_entropy),
        ('focal', {}, loss_references.focal),
        ('focal', {'gamma': 0.5}, loss_references.focal),
        ('focal', {'gamma': 0}, loss_references.focal),
        ('focal', {'gamma': 3, 'alpha': WEIGHTS}, loss_references.focal),
        ('dice', {}, loss_references.dice),
        ('dice', {'smooth': 1.0}, loss_references.dice),
        ('tversky', {}, loss_references.tversky),
        ('tversky', {'alpha': 1, 'beta': 0.25, 'smooth': 2}, loss_references.tversky),
        ('lovasz', {}, loss_references.lovasz),
        ('dice', {'groups': [[0, 1]], 'smooth': 1.0}, loss_references.dice),
        ('tversky', {'groups': [[0, 1], [2], [1, 2]]}, loss_references.tversky),
        ('lovasz', {'groups': [[1, 0], [2]]}, loss_references.lovasz),
    ],
    ids=lambda value: getattr(value, '__name__', str(value)),
)
def test_the_value_is_the_definitions(case, name, arguments, reference):
    logits, target, sets = case
    arguments = {
        key: value[: sets.num_classes] if value is WEIGHTS else value
        for key, value in arguments.items()
    }
    loss = create_loss({'name': name, **arguments})
    value = loss(torch.from_numpy(logits), torch.from_numpy(target), sets)
    assert value.shape == ()
    assert float(value) == pytest.approx(reference(logits, target, sets, **arguments), abs=1e-12)
    single = loss(torch.from_numpy(logits).float(), torch.from_numpy(target).byte(), sets)
    assert single.dtype == torch.float32
    assert float(single) == pytest.approx(float(value), rel=1e-5, abs=1e-7)


@pytest.fixture(params=[[0, 1, 2], [0, 1, 2, 255]], ids=['whole', 'unlabelled'])
def batch(request):
    """Logits and target as tensors; every class is labelled."""
    rng = np.random.default_rng(7)
    logits = rng.normal(0, 2, (3, 3, 8, 9))
    target = rng.choice(request.param, (3, 8, 9)).astype(np.int64)
    return torch.from_numpy(logits), torch.from_numpy(target)


@pytest.mark.parametrize('weights', [None, [0.3, 1.0, 4.0]])
def test_torch_has_the_same_cross_entropy(batch, weights):
    theirs = torch.nn.CrossEntropyLoss(
        weight=None if weights is None else torch.tensor(weights, dtype=torch.float64),
        ignore_index=255,
    )
    ours = create_loss(
        {'name': 'weighted_cross_entropy', 'weights': weights} if weights else 'cross_entropy'
    )
    torch.testing.assert_close(ours(*batch), theirs(*batch))


def test_segmentation_models_pytorch_has_the_same(batch):
    smp = pytest.importorskip(
        'segmentation_models_pytorch', reason="not installed: pip install '.[train]'"
    ).losses
    theirs = {
        'dice': smp.DiceLoss('multiclass', ignore_index=255),
        'tversky': smp.TverskyLoss('multiclass', ignore_index=255, alpha=0.3, beta=0.7),
        'lovasz': smp.LovaszLoss('multiclass', ignore_index=255),
    }
    logits, target = batch
    for name, loss in theirs.items():
        # Theirs of Lovász knows float32 only.
        wanted = loss(logits.float(), target)
        torch.testing.assert_close(create_loss(name)(logits.float(), target), wanted, msg=name)
    labelled = target != 255
    focal = smp._functional.softmax_focal_loss_with_logits(
        logits.movedim(1, -1)[labelled], target[labelled], gamma=2.0
    )
    torch.testing.assert_close(create_loss('focal')(*batch), focal)


def test_rare_classes_survive_millions_of_pixels():
    """A difference of large sums in float32 would be off by a hundredth."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(24, 3, 240, 320, generator=generator) * 2
    target = torch.full((24, 240, 320), 2)
    target[0, :20, :20] = 0
    target[0, 50:60] = 1
    for name in ('dice', 'tversky', 'lovasz'):
        loss = create_loss(name)
        exact = float(loss(logits.double(), target))
        assert float(loss(logits, target)) == pytest.approx(exact, rel=1e-5), name


def test_a_group_cares_for_its_sum_only():
    """Drivable is right however it is shared out, and a label of all road settles it."""
    sets = LabelSets(4, (frozenset({0, 1}), frozenset({0, 1, 2})))
    target = torch.tensor([4, 3, 0, 5, 255]).view(1, 1, 5)
    logits = torch.randn(1, 4, 1, 5, generator=torch.Generator().manual_seed(0))
    swapped = logits[:, [1, 0, 2, 3]]
    for name in ('dice', 'tversky', 'lovasz'):
        loss = create_loss({'name': name, 'groups': [[0, 1]]})
        torch.testing.assert_close(loss(logits, target, sets), loss(swapped, target, sets))
        other = logits.clone()
        other[..., 3:] = 50 * torch.randn(1, 4, 1, 2)  # all road may be drivable or not
        assert loss(other, target, sets) == loss(logits, target, sets)


def test_all_classes_of_a_set_are_encouraged_alike():
    sets = LabelSets(3, (frozenset({0, 1}),))
    logits = torch.tensor([1.0, 1.0, 0.5]).view(1, 3, 1, 1).requires_grad_()
    create_loss('cross_entropy')(logits, torch.full((1, 1, 1), 3), sets).backward()
    first, second, third = logits.grad.flatten().tolist()
    assert first == second < 0 < third
