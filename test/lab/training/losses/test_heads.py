# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.label_sets import LabelSets

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.lab.training.losses import DeepSupervision, create_loss  # noqa: E402
from drivseg_ros.lab.training.losses.heads import upsample  # noqa: E402


def heads(*sizes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, s, s, generator=generator) for s in sizes]


TARGET = torch.from_numpy(np.random.default_rng(0).choice([0, 1, 2, 255, 3], (2, 8, 8)))
SETS = LabelSets(3, (frozenset({0, 1}),))


@pytest.mark.parametrize('weight', [0.4, 0.0, 1.0])
@pytest.mark.parametrize('name', ['cross_entropy', 'dice'])
def test_auxiliary_heads_have_their_weight(name, weight):
    loss = create_loss(name)
    deep = DeepSupervision(loss, auxiliary_weight=weight)
    outputs = heads(4, 8, 2)
    parts = [float(DeepSupervision(loss)(one, TARGET, SETS)) for one in outputs]
    total = float(deep(tuple(outputs), TARGET, SETS))
    assert total == pytest.approx(parts[0] + weight * parts[1] + weight * parts[2], rel=1e-5)


def test_the_weight_is_two_fifths_unless_told():
    assert DeepSupervision(create_loss('dice')).auxiliary_weight == 0.4


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_logits_are_upsampled_as_opencv_does_it(dtype):
    logits = heads(3)[0].to(dtype)
    large = upsample(logits, (8, 12))
    assert large.dtype == torch.float32
    for n, c in np.ndindex(2, 3):
        wanted = cv2.resize(logits[n, c].float().numpy(), (12, 8), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(large[n, c].numpy(), wanted, atol=1e-5)


def test_logits_of_the_targets_size_are_left_alone():
    logits = heads(8)[0]
    assert upsample(logits, (8, 8)) is logits


def test_a_negative_weight_is_refused():
    with pytest.raises(ParameterError, match='auxiliary_weight is -1'):
        DeepSupervision(create_loss('dice'), auxiliary_weight=-1)
