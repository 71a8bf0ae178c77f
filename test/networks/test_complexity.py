# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Operations counted by hand, and those that papers and libraries publish."""

from __future__ import annotations

import pytest
from network_zoo import network_or_skip

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
from torch import nn  # noqa: E402

from drivseg_ros.errors import ModelError  # noqa: E402
from drivseg_ros.networks.complexity import gmacs, parameters  # noqa: E402
from drivseg_ros.networks.fast_scnn import FastSCNN  # noqa: E402


class Product(nn.Module):
    """Every pixel with every pixel, as attention does."""

    def forward(self, x):
        tokens = x.flatten(2)
        return tokens.transpose(1, 2) @ tokens


# For an image of 10x6, whose 3 channels a network of one layer takes.
@pytest.mark.parametrize(
    ('layer', 'macs'),
    [
        pytest.param(nn.Conv2d(3, 8, 3, padding=1), 10 * 6 * 8 * 3 * 9, id='convolution'),
        pytest.param(nn.Conv2d(3, 8, 3, stride=2, padding=1), 5 * 3 * 8 * 3 * 9, id='stride'),
        pytest.param(nn.Conv2d(3, 6, 5, groups=3, padding=2), 10 * 6 * 6 * 25, id='depthwise'),
        pytest.param(nn.ConvTranspose2d(3, 4, 2, stride=2), 10 * 6 * 3 * 4 * 4, id='transposed'),
        pytest.param(nn.Sequential(nn.Flatten(), nn.Linear(180, 7)), 180 * 7, id='linear'),
        pytest.param(Product(), 60 * 60 * 3, id='product'),
        pytest.param(
            nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2)), 0, id='no products'
        ),
    ],
)
def test_counted_by_hand(layer, macs):
    assert gmacs(layer, 10, 6) * 1e9 == pytest.approx(macs)


def classifier(name):
    def make():
        models = pytest.importorskip('torchvision', reason="pip install '.[train]'").models
        return getattr(models, name)()

    return make


def architecture(name, classes):
    return lambda: network_or_skip(name, classes)


# torchvision's network has an auxiliary head on 65x65 pixels, which it computes and throws away.
FCN_AUX = 65 * 65 * (1024 * 256 * 9 + 256 * 21) / 1e9


# torchvision publishes these figures beside its weights; SegFormer's are in the paper's table 1,
# with ADE20K's 150 classes at 512x512.
@pytest.mark.parametrize(
    ('make', 'side', 'published'),
    [
        pytest.param(classifier('resnet50'), 224, 4.09, id='resnet50'),
        pytest.param(architecture('fcn_resnet50', 21), 520, 152.717 - FCN_AUX, id='fcn_resnet50'),
        pytest.param(architecture('segformer_b0', 150), 512, 8.4, id='segformer_b0'),
        pytest.param(architecture('segformer_b1', 150), 512, 15.9, id='segformer_b1'),
        pytest.param(architecture('segformer_b2', 150), 512, 62.4, id='segformer_b2'),
    ],
)
def test_published(make, side, published):
    assert gmacs(make(), side, side) == pytest.approx(published, rel=0.003)


def test_vgg_of_fcn8s_is_the_published_one():
    """torchvision publishes 15.47 for VGG-16, of which 0.12 are its fully connected layers."""
    network = network_or_skip('fcn8s_vgg16', 2).features
    fully_connected = (25088 * 4096 + 4096 * 4096 + 4096 * 1000) / 1e9
    assert gmacs(network, 224, 224) + fully_connected == pytest.approx(15.47, abs=0.005)


def test_auxiliary_heads_count_nothing_and_the_network_stays_as_it_is():
    network = FastSCNN(19).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    count = gmacs(network, 640, 360)
    heads = network.auxiliary_fine, network.auxiliary_coarse
    without = parameters(network)
    assert without == sum(p.numel() for p in network.parameters()) - sum(
        p.numel() for head in heads for p in head.parameters()
    )
    assert network.training
    assert all(torch.equal(v, before[name]) for name, v in network.state_dict().items())
    network.auxiliary_fine = network.auxiliary_coarse = nn.Identity()
    assert gmacs(network, 640, 360) == count
    assert parameters(network) == without


def test_a_size_the_network_does_not_take():
    with pytest.raises(ModelError, match='641x360; 648x360 would do'):
        gmacs(network_or_skip('deeplabv3plus_resnet50', 3), 641, 360)
