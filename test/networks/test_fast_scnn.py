# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.networks.fast_scnn import FastSCNN  # noqa: E402
from drivseg_ros.networks.layers import inference_parameters  # noqa: E402

SHAPES = [(360, 640, 45, 80), (184, 320, 23, 40), (32, 32, 4, 4), (33, 47, 5, 6), (37, 101, 5, 13)]


@pytest.mark.parametrize(('height', 'width', 'rows', 'columns'), SHAPES)
@pytest.mark.parametrize('classes', [2, 3, 19])
def test_logits_have_an_eighth_of_the_size(height, width, rows, columns, classes):
    network = FastSCNN(classes).eval()
    with torch.inference_mode():
        logits = network(torch.zeros(2, 3, height, width))
    assert logits.shape == (2, classes, rows, columns)


def test_training_gives_the_auxiliary_heads_too():
    outputs = FastSCNN(3).train()(torch.zeros(2, 3, 64, 96))
    assert [tuple(o.shape) for o in outputs] == [(2, 3, 8, 12), (2, 3, 8, 12), (2, 3, 2, 3)]


def separable(a, b):
    """Depthwise 3x3, batch norm, pointwise, batch norm."""
    return 9 * a + 2 * a + a * b + 2 * b


def bottleneck(a, b, expansion=6):
    """Widen, depthwise 3x3, project, each with batch norm."""
    h = a * expansion
    return a * h + 2 * h + 9 * h + 2 * h + h * b + 2 * b


def test_parameter_count_is_that_of_the_papers_table():
    """The count written down from table 1, row by row; the paper prints 1.11 M in all."""
    down = 27 * 32 + 2 * 32 + separable(32, 48) + separable(48, 64)
    features = (
        bottleneck(64, 64) * 3
        + bottleneck(64, 96) + bottleneck(96, 96) * 2
        + bottleneck(96, 128) + bottleneck(128, 128) * 2
    )  # fmt: skip
    pyramid = 4 * (128 * 32 + 2 * 32) + 256 * 128 + 2 * 128
    fusion = (9 * 128 + 2 * 128 + 128 * 128 + 2 * 128) + (64 * 128 + 2 * 128)
    classifier = separable(128, 128) * 2 + 128 * 19 + 19
    count = inference_parameters(FastSCNN(19))
    assert count == down + features + pyramid + fusion + classifier
    assert count == pytest.approx(1.11e6, rel=0.04)
    assert inference_parameters(FastSCNN(3)) == count - 16 * 129


def test_all_of_the_image_reaches_every_pixel():
    """Pyramid pooling: the answer in one corner depends on the opposite one."""
    torch.manual_seed(0)
    network = FastSCNN(3).eval()
    image = torch.randn(1, 3, 128, 256, requires_grad=True)
    network(image)[0, 0, 0, 0].backward()
    assert image.grad[0, :, -8:, -8:].abs().sum() > 0
