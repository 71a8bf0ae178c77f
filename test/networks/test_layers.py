# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
F = torch.nn.functional

from drivseg_ros.networks import layers  # noqa: E402


@pytest.mark.parametrize(
    ('size', 'target'),
    [((12, 20), (45, 80)), ((1, 2), (7, 5)), ((45, 80), (12, 20)), ((6, 6), (6, 6))],
)
def test_resize_is_torchs_bilinear_interpolation(size, target):
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    wanted = F.interpolate(x, size=target, mode='bilinear', align_corners=False)
    torch.testing.assert_close(layers.resize(x, *target), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('size', [(12, 20), (6, 6), (3, 5), (1, 1), (11, 19)])
@pytest.mark.parametrize('bins', [1, 2, 3, 6])
def test_pooling_is_torchs_adaptive_average(size, bins):
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    rows = layers.pooling_matrix(size[0], bins)
    columns = layers.pooling_matrix(size[1], bins)
    torch.testing.assert_close(
        layers.resample(x, rows, columns), F.adaptive_avg_pool2d(x, bins), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    ('stride', 'channels', 'residual'), [(1, 8, True), (2, 8, False), (1, 12, False)]
)
def test_inverted_residual_adds_its_input_where_sizes_allow(stride, channels, residual):
    block = layers.InvertedResidual(8, channels, stride=stride).eval()
    for parameter in block.layers[2][1].parameters():  # the last batch norm: silence the branch
        torch.nn.init.zeros_(parameter)
    x = torch.randn(1, 8, 6, 10)
    y = block(x)
    assert y.shape == (1, channels, -(-6 // stride), -(-10 // stride))
    assert torch.equal(y, x) if residual else not y.any()


def test_separable_conv_has_no_activation_between_its_convolutions():
    relus = [m for m in layers.SeparableConv(4, 6).modules() if isinstance(m, torch.nn.ReLU)]
    assert len(relus) == 1
