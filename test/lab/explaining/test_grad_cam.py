# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Class-activation maps against formulas by hand, and against networks whose gaze is known."""

from __future__ import annotations

import numpy as np
import pytest
from network_zoo import network_or_skip

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")

from torch import nn  # noqa: E402

from drivseg_ros.errors import ModelError  # noqa: E402
from drivseg_ros.lab.explaining.grad_cam import grad_cam  # noqa: E402
from drivseg_ros.networks.stages import stages_of  # noqa: E402

HEIGHT, WIDTH = 6, 8


class Linear(nn.Module):
    """Two channels by a 1x1 convolution, then the logits of two classes, likewise."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 2, 1, bias=False)
        self.classifier = nn.Conv2d(2, 2, 1, bias=False)
        with torch.no_grad():
            self.features.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1, 0]])[..., None, None])
            self.classifier.weight.copy_(torch.tensor([[2.0, -1], [-3, 4]])[..., None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))


@pytest.fixture
def planes() -> torch.Tensor:
    return torch.randn(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize('pixels', [1, 5, HEIGHT * WIDTH])
def test_a_linear_network_by_hand(planes: torch.Tensor, pixels: int) -> None:
    mask = np.zeros(HEIGHT * WIDTH, bool)
    mask[:pixels] = True
    mask = mask.reshape(HEIGHT, WIDTH)
    maps = grad_cam(Linear().eval(), planes, layer='features', scores=[(0, mask), (1, mask)])
    # dy / dA_k is the class's weight at each pixel of M and 0 elsewhere; its mean over the map
    # is that weight times the share of M.
    red, green = planes[0, 0].numpy(), planes[0, 1].numpy()
    share = pixels / (HEIGHT * WIDTH)
    np.testing.assert_allclose(maps[0], np.maximum(0, share * (2 * red - green)), atol=1e-5)
    np.testing.assert_allclose(maps[1], np.maximum(0, share * (4 * green - 3 * red)), atol=1e-5)


def test_without_a_pixel_it_is_zero(planes: torch.Tensor) -> None:
    nothing = np.zeros((HEIGHT, WIDTH), bool)
    (found,) = grad_cam(Linear().eval(), planes, layer='features', scores=[(1, nothing)])
    np.testing.assert_array_equal(found, np.zeros((HEIGHT, WIDTH)))


class Coarse(nn.Module):
    """Features at half the size, overwritten in place behind the layer; logits at that size."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.features = nn.Conv2d(3, 4, 2, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.classifier = nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.relu(self.features(x)))


def test_finite_differences_agree(planes: torch.Tensor) -> None:
    network = Coarse().double().eval()
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[1:4, 2:7] = True
    features = network.features(planes.double()).detach()

    @torch.no_grad()
    def score(values: torch.Tensor) -> float:
        logits = network.classifier(torch.relu(values))
        up = nn.functional.interpolate(
            logits, (HEIGHT, WIDTH), mode='bilinear', align_corners=False
        )
        return float(up[0, 1][torch.from_numpy(mask)].sum())

    gradient = torch.zeros_like(features)
    for place in np.ndindex(*features.shape):
        step = torch.zeros_like(features)
        step[place] = 1e-6
        gradient[place] = (score(features + step) - score(features - step)) / 2e-6
    wanted = torch.relu((gradient.mean((2, 3), keepdim=True) * features).sum(1))[0].numpy()
    (found,) = grad_cam(network, planes.double(), layer='features', scores=[(1, mask)])
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert wanted.any()


class OneQuadrant(nn.Module):
    """Sees red anywhere, but its answer for the whole image is what the upper right holds."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 1, 1, bias=False)
        gate = torch.zeros(1, 1, 32, 64)
        gate[..., :16, 32:] = 1
        self.register_buffer('gate', gate)
        self.seen = nn.Conv2d(1, 1, 1, bias=False)
        with torch.no_grad():
            self.features.weight.copy_(torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1))
            self.seen.weight.fill_(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = self.seen(self.features(x).relu() * self.gate)
        answer = seen.mean((2, 3), keepdim=True).expand(-1, -1, 32, 64)
        return torch.cat([answer, -answer], 1)


def test_a_network_that_looks_at_one_quadrant_has_its_map_there() -> None:
    images = torch.rand(1, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    elsewhere = np.zeros((32, 64), bool)
    elsewhere[20:, :20] = True
    found = grad_cam(
        OneQuadrant().eval(), images, layer='seen', scores=[(0, elsewhere), (1, elsewhere)]
    )
    assert (found[0][:16, 32:] > 0).mean() > 0.99
    outside = found[0].copy()
    outside[:16, 32:] = 0
    assert not outside.any()
    assert not found[1].any()  # nothing speaks for the other class


def test_fast_scnn_gives_maps_of_its_coarsest_grid() -> None:
    torch.manual_seed(0)
    network = network_or_skip('fast_scnn', 3).eval()
    images = torch.randn(1, 3, 64, 128)
    mask = np.ones((64, 128), bool)
    maps = grad_cam(
        network,
        images,
        layer=stages_of('fast_scnn')['stage3'],
        scores=[(i, mask) for i in range(3)],
    )
    assert {one.shape for one in maps} == {(2, 4)}
    assert any(one.any() for one in maps)


class Twice(Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x) + self.features(x))


class Sizes(Linear):
    def __init__(self) -> None:
        super().__init__()
        self.flat = nn.Flatten()
        self.unused = nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.flat(x)
        self.unused(x)
        return super().forward(x)


@pytest.mark.parametrize(
    ('network', 'layer', 'message'),
    [
        (Linear(), 'absent', r"no layer 'absent'; there are features, classifier"),
        (Linear(), 'features.7', r"no layer 'features.7'; 'features' has no layers"),
        (Linear(), '', "no layer ''"),
        (Twice(), 'features', 'runs 2 times'),
        (Sizes(), 'flat', 'gives no map'),
        (Sizes(), 'unused', 'do not depend on'),
    ],
)
def test_refusals(planes: torch.Tensor, network: nn.Module, layer: str, message: str) -> None:
    mask = np.ones((HEIGHT, WIDTH), bool)
    network.eval().requires_grad_(False)
    with pytest.raises(ModelError, match=message):
        grad_cam(network, planes, layer=layer, scores=[(0, mask)])
