# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
F = torch.nn.functional

from drivseg_ros.lab.exporting.export import export_onnx  # noqa: E402
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard  # noqa: E402
from drivseg_ros.model.file import read_model_file  # noqa: E402
from drivseg_ros.networks.fcn8s import FCN8sVGG16  # noqa: E402


@pytest.fixture(scope='module')
def narrow():
    torch.manual_seed(0)
    return FCN8sVGG16(3, hidden=32).eval()


def test_up_sampling_begins_bilinear(narrow):
    """At the border torch's interpolation repeats the image, a convolution has zeros there."""
    x = torch.randn(2, 3, 7, 9, generator=torch.Generator().manual_seed(0))
    wanted = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
    for layer in (narrow.double5, narrow.double4):
        with torch.inference_mode():
            found = layer(x)
        assert found.shape == wanted.shape
        inner = (..., slice(1, -1), slice(1, -1))
        torch.testing.assert_close(found[inner], wanted[inner], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('score', ['score3', 'score4', 'score5'])
def test_each_pool_has_its_say(narrow, score):
    image = torch.randn(1, 3, 48, 80, generator=torch.Generator().manual_seed(0))
    layer = getattr(narrow, score)
    with torch.no_grad():
        before = narrow(image)
        layer.bias[1] += 1.0
        change = narrow(image) - before
        layer.bias[1] -= 1.0
    assert not change[:, [0, 2]].any()
    # A constant stays one under bilinear up-sampling, away from the border.
    assert change[0, 1, 3, 5] == pytest.approx(1.0, abs=1e-4)


def test_the_model_file_answers_as_the_network(narrow, tmp_path):
    """An odd size, so that the crops are in it; `export_onnx` compares the two."""
    card = ModelCard('fcn', BDD100K_CLASSES, 76, 50)
    assert read_model_file(export_onnx(narrow, tmp_path / 'm.onnx', card)).card == card
