# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which layer a class-activation map is taken from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from drivseg_ros.errors import ModelError

LAYERS: Mapping[str, str] = {
    'deeplabv3plus_resnet50': 'network.encoder.layer4',
    'fast_scnn': 'features.2',
    'fcn8s_vgg16': 'features.30',
    'fcn_resnet50': 'backbone.layer4',
    'pspnet_resnet50': 'backbone.layer4',
    **{f'segformer_b{size}': 'network.encoder.block4' for size in range(6)},
    'unet': 'down.4',
}
"""The end of each encoder, before any pooling over the whole image.

There the maps have seen the most of the image and still tell where: Selvaraju et al. (section 3)
take the last convolutional layer, Vinogradova et al. the bottleneck of U-Net.
"""

_COARSEST = 32


def feature_layer(architecture: str, network: nn.Module, planes: Tensor) -> str:
    """The name of the layer for a network.

    Architectures that are not in `LAYERS` are run once: it is the last normalised convolution on
    their coarsest grid, where grids of less than a cell in 32 x 32 pixels are taken for pooling.

    Args:
        architecture: its name in the registry.
        network: in evaluation mode.
        planes: float32 [1, 3, H, W].

    Raises:
        ModelError: if the network has no such layer.
    """
    if architecture in LAYERS:
        return LAYERS[architecture]
    grids: dict[str, tuple[int, int]] = {}
    handles = []
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):

            def note(_: nn.Module, __: Any, output: Tensor, name: str = name) -> None:
                grids[name] = (int(output.shape[2]), int(output.shape[3]))

            handles.append(module.register_forward_hook(note))
    try:
        with torch.no_grad():
            network(planes)
    finally:
        for handle in handles:
            handle.remove()
    smallest = [-(-int(side) // _COARSEST) for side in planes.shape[2:]]
    grids = {
        name: grid
        for name, grid in grids.items()
        if grid[0] >= smallest[0] and grid[1] >= smallest[1]
    }
    if not grids:
        raise ModelError(
            f'no layer of {architecture} can be chosen by itself; name one whose output is a map '
            '(--layer)'
        )
    least = min(rows * columns for rows, columns in grids.values())
    return [name for name, (rows, columns) in grids.items() if rows * columns == least][-1]
