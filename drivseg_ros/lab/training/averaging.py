# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A running mean of a network's weights (Polyak and Juditsky 1992), better than the last ones."""

from __future__ import annotations

import copy

import torch
from torch import nn


def averaged_copy(network: nn.Module) -> nn.Module:
    """A copy to hold the mean: in evaluation mode, and nothing trains it."""
    average = copy.deepcopy(network).eval()
    for parameter in average.parameters():
        parameter.requires_grad_(False)
    return average


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, *, decay: float, step: int) -> None:
    """Move the mean towards the network; batch norm's statistics go the same way.

    Args:
        average: The mean.
        network: The network after a step.
        decay: How much of the mean stays.
        step: The number of steps made. Early on the mean follows closely, so that it does not
            drag the first weights along.
    """
    share = min(decay, step / (step + 10))
    own = average.state_dict()
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            own[name].lerp_(value, 1 - share)
        else:
            own[name].copy_(value)
