# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How large a network is, and how much it computes for one image."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from drivseg_ros.networks.layers import inference_parameters


def parameters(network: nn.Module) -> int:
    """Number of learned values of an exported network: without the auxiliary heads."""
    return inference_parameters(network)


def gmacs(network: nn.Module, width: int, height: int) -> float:
    """Multiply-accumulate operations for one image, in 10^9, as the literature counts them.

    Half of the floating-point operations that `torch.utils.flop_counter` finds: convolutions,
    fully connected layers, attention and other matrix products, in evaluation mode, so without
    auxiliary heads. Biases, norms, activations, pooling and torch's own interpolation count
    nothing; resampling by matrices (`layers.resample`) is a product and counts. Nothing is
    computed, the shapes alone are followed.

    Args:
        network: Takes float images [N, 3, H, W]; left as it is.
        width: Width of the image.
        height: Height of the image.

    Raises:
        ModelError: If the network does not take images of this size.
    """
    shapes = copy.deepcopy(network).to('meta').eval()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        shapes(torch.empty(1, 3, height, width, device='meta'))
    return counter.get_total_flops() / 2 / 1e9
