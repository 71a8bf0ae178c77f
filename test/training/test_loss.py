# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.training.loss import partial_cross_entropy, segmentation_loss  # noqa: E402
from drivseg_ros.training.targets import ANY_DRIVABLE  # noqa: E402


def reference(logits, target):
    """-log p, pixel by pixel, in numpy with 64 bits."""
    total, count = 0.0, 0
    for n, y, x in np.ndindex(target.shape):
        e = np.exp(logits[n, :, y, x].astype(np.float64))
        p = e / e.sum()
        t = target[n, y, x]
        if t == 255:
            continue
        total -= np.log(p[0] + p[1] if t == ANY_DRIVABLE else p[t])
        count += 1
    return total / max(count, 1)


@pytest.mark.parametrize(
    'values', [[0, 1, 2], [255], [254], [0, 1, 2, 254, 255], [2, 255], [254, 255]]
)
def test_loss_is_the_textbooks(values):
    rng = np.random.default_rng(len(values))
    logits = rng.normal(0, 3, (2, 3, 5, 7)).astype(np.float32)
    target = rng.choice(values, (2, 5, 7)).astype(np.int64)
    loss = partial_cross_entropy(torch.from_numpy(logits), torch.from_numpy(target))
    assert float(loss) == pytest.approx(reference(logits, target), rel=1e-5, abs=1e-7)


def test_any_drivable_does_not_care_which_lane():
    logits = torch.tensor([2.0, -1.0, 0.5]).view(1, 3, 1, 1).requires_grad_()
    target = torch.full((1, 1, 1), ANY_DRIVABLE)
    swapped = logits.detach()[:, [1, 0, 2]]
    assert partial_cross_entropy(logits, target) == partial_cross_entropy(swapped, target)
    partial_cross_entropy(logits, target).backward()
    gradient = logits.grad.flatten()
    assert gradient[0] < 0
    assert gradient[1] < 0, 'both lanes are encouraged'
    assert gradient[2] > 0


def test_nothing_labelled_gives_no_gradient():
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = segmentation_loss(logits, torch.full((1, 8, 8), 255))
    loss.backward()
    assert float(loss.detach()) == 0
    assert not logits.grad.any()


def test_auxiliary_heads_weigh_two_fifths():
    generator = torch.Generator().manual_seed(0)
    main, fine, coarse = (torch.randn(2, 3, s, s, generator=generator) for s in (4, 8, 2))
    target = torch.randint(0, 3, (2, 8, 8), generator=generator)
    parts = [float(segmentation_loss(logits, target)) for logits in (main, fine, coarse)]
    total = float(segmentation_loss((main, fine, coarse), target))
    assert total == pytest.approx(parts[0] + 0.4 * parts[1] + 0.4 * parts[2], rel=1e-5)
