# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks of the registry for tests, which skip where their library is missing."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest

from drivseg_ros.errors import MissingDependencyError

SLOW_VARIABLE = 'DRIVSEG_SLOW_TESTS'


def all_but_slow(architectures: Iterable[str], *, quick: Iterable[str]) -> list:
    """Parameters of a test of every architecture: all but the quick ones run on demand only."""
    slow = pytest.mark.skipif(
        not os.environ.get(SLOW_VARIABLE),
        reason=f'takes minutes for all architectures: {SLOW_VARIABLE}=1 runs them',
    )
    return [pytest.param(a, marks=() if a in quick else slow) for a in sorted(architectures)]


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
