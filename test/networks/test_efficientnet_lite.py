# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from torch import nn  # noqa: E402

from drivseg_ros.networks.efficientnet_lite import ALL_BLOCKS, EfficientNetLite0  # noqa: E402
from drivseg_ros.networks.efficientnet_lite_fpn import EfficientNetLiteFPN  # noqa: E402
from drivseg_ros.networks.layers import inference_parameters  # noqa: E402

TAPS = (0, 2, 4, 10, 15)


def stir(network):
    """Batch norm with statistics of its own, or it would hide behind mean 0 and variance 1."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)


@pytest.mark.parametrize(('height', 'width'), [(64, 96), (72, 128), (45, 51)])
def test_encoder_is_the_librarys(height, width):
    """timm's EfficientNet-Lite0 pads evenly, too; same weights, same maps."""
    timm = pytest.importorskip('timm', reason="timm is not installed: pip install '.[train]'")
    torch.manual_seed(0)
    reference = timm.create_model('efficientnet_lite0', pretrained=False).eval()
    stir(reference)
    for module in reference.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3
    ours = EfficientNetLite0(taps=TAPS).eval()
    # Both define their layers in the order of the data.
    theirs = [
        value
        for name, value in reference.state_dict().items()
        if not name.startswith(('conv_head', 'bn2', 'classifier'))
    ]
    assert len(theirs) == len(ours.state_dict())
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs, strict=True)))
    image = torch.randn(2, 3, height, width)
    with torch.inference_mode():
        x = reference.bn1(reference.conv_stem(image))
        maps = []
        for block in (block for stage in reference.blocks for block in stage):
            x = block(x)
            maps.append(x)
        assert len(maps) == ALL_BLOCKS
        for tap, found in zip(TAPS, ours(image), strict=True):
            torch.testing.assert_close(found, maps[tap], rtol=1e-4, atol=1e-5)


def test_encoder_has_the_published_size():
    """EfficientNet-Lite0 has 4.65 M parameters, 1.69 M of them behind the last block."""
    blocks = sum(p.numel() for p in EfficientNetLite0(taps=(15,)).parameters())
    head = 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    assert blocks + head == pytest.approx(4.65e6, rel=0.005)


# 0.8 of the image, then a quarter of that, rounded up at every halving.
@pytest.mark.parametrize(
    ('height', 'width', 'rows', 'columns'),
    [(360, 640, 72, 128), (40, 40, 8, 8), (35, 47, 7, 10), (101, 37, 21, 8)],
)
def test_logits_have_a_quarter_of_the_inner_size(height, width, rows, columns):
    network = EfficientNetLiteFPN(4).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, height, width)).shape == (2, 4, rows, columns)


def test_training_gives_the_auxiliary_head_too():
    outputs = EfficientNetLiteFPN(3).train()(torch.zeros(2, 3, 80, 160))
    assert [tuple(o.shape) for o in outputs] == [(2, 3, 16, 32), (2, 3, 4, 8)]


def test_network_stays_below_two_million_parameters():
    assert inference_parameters(EfficientNetLiteFPN(4)) == 1_545_092 < 2e6


def test_all_of_the_image_reaches_every_pixel():
    torch.manual_seed(0)
    network = EfficientNetLiteFPN(3).eval()
    stir(network)
    image = torch.randn(1, 3, 160, 320, requires_grad=True)
    network(image)[0, :, 0, 0].sum().backward()
    assert image.grad[0, :, -20:, -20:].abs().sum() > 0
