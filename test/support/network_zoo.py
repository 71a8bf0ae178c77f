# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks of the registry for tests, which skip where their library is missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from drivseg_ros.errors import MissingDependencyError
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard


def all_but_slow(architectures: Iterable[str], *, quick: Iterable[str]) -> list:
    """Parameters of a test of every architecture, of which all but the quick ones are slow."""
    return [
        pytest.param(name, marks=() if name in quick else pytest.mark.slow)
        for name in sorted(architectures)
    ]


def network_or_skip(architecture: str, classes: int):
    """A network with random weights."""
    from drivseg_ros.networks.registry import create_network

    try:
        return create_network(architecture, num_classes=classes)
    except MissingDependencyError as error:
        pytest.skip(str(error))


def settle(network, images) -> None:
    """Let batch norms know their inputs, so that a random network's answers vary."""
    import torch

    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(images)
    network.eval()


if TYPE_CHECKING:
    from drivseg_ros.lab.explaining.subject import Subject


def subject_of(
    network: Any,
    image: np.ndarray | None = None,
    *,
    architecture: str = 'fast_scnn',
    width: int = 64,
    height: int = 48,
    **card_changes: Any,
) -> Subject:
    """A network before a picture, which is noise of twice the network's size if not given."""
    from drivseg_ros.lab.explaining.subject import Subject

    card = ModelCard(
        'explained',
        **{
            'classes': BDD100K_CLASSES,
            'input_width': width,
            'input_height': height,
            **card_changes,
        },
    )
    if image is None:
        image = np.random.default_rng(0).integers(0, 256, (2 * height, 2 * width, 3), np.uint8)
    return Subject.of(network, card, image, architecture=architecture)


def strongest_color() -> Any:
    """A network whose class is the strongest colour channel; its layer is called 'features'."""
    import torch
    from torch import nn

    network = nn.Sequential()
    network.add_module('features', nn.Conv2d(3, 3, 1, bias=False))
    network.add_module('classifier', nn.Conv2d(3, 3, 1, bias=False))
    with torch.no_grad():
        for layer in network.children():
            layer.weight.copy_(torch.eye(3)[..., None, None])
    return network


def red_and_green() -> np.ndarray:
    """A picture of 128x96, the left half red, the right half green."""
    image = np.zeros((96, 128, 3), np.uint8)
    image[:, :64, 0] = 255
    image[:, 64:, 1] = 255
    return image
