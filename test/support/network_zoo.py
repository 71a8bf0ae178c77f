# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks of the registry for tests, which skip where their library is missing."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from drivseg_ros.errors import MissingDependencyError


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
