# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which layer a class-activation map is taken from.

The end of the encoder, before any pooling over the whole image: there the maps have seen the most
of it and still tell where. Selvaraju et al. (section 3) take the last convolutional layer,
Vinogradova et al. the bottleneck of U-Net.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from drivseg_ros.errors import ModelError
from drivseg_ros.networks.stages import cam_layers

_COARSEST = 32


def feature_layer(
    architecture: str, network: nn.Module, planes: Tensor, *, wanted: str | None = None
) -> str:
    """The name of the module for a network.

    Architectures whose stages nobody named (networks/stages.py) are run once: it is the last batch
    norm on their coarsest grid, where grids of less than a cell in 32 x 32 pixels are taken for
    pooling.

    Args:
        architecture: its name in the registry.
        network: in evaluation mode.
        planes: float32 [1, 3, H, W].
        wanted: a stage as networks/stages.py names it, or a module by its name in the network; None
            is the encoder's end.

    Raises:
        ModelError: if none can be chosen.
    """
    stages = _stages(architecture, network)
    if wanted is not None:
        return stages.get(wanted, wanted)
    encoder = [path for name, path in stages.items() if name.startswith('stage')]
    if encoder:
        return encoder[-1]
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


def _stages(architecture: str, network: nn.Module) -> dict[str, str]:
    """The modules' names by stage; none where nobody named the stages."""
    try:
        modules = cam_layers(architecture, network)
    except ModelError:
        return {}
    names = {id(module): name for name, module in network.named_modules()}
    return {stage: names[id(module)] for stage, module in modules.items()}
