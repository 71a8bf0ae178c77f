# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Class-activation maps for segmentation.

Grad-CAM (Selvaraju et al., ICCV 2017) weighs the channels of a layer by the mean gradient of a
class's score and keeps what is positive. Seg-Grad-CAM (Vinogradova, Dibrov, Myers, AAAI 2020)
takes as score the sum of the class's logits over a set of pixels:

    y = sum of logit_c(p) over p in M,   a_k = mean over (u, v) of dy / dA_k(u, v)
    map = max(0, sum over k of a_k A_k)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from drivseg_ros.errors import ModelError
from drivseg_ros.networks.layers import resize


def grad_cam(
    network: nn.Module,
    planes: Tensor,
    *,
    layer: str,
    scores: Sequence[tuple[int, np.ndarray]],
) -> list[np.ndarray]:
    """Maps of several classes, from one forward pass.

    Args:
        network: float [1, 3, H, W] to logits [1, classes, h, w]; in evaluation mode.
        planes: float32 [1, 3, H, W].
        layer: the module whose output is weighed, by its name in the network.
        scores: class id and the pixels M of each map, bool [H, W]. The logits are interpolated to
            H x W, as they are in use. Without a pixel the map is 0.

    Returns:
        float32 [rows, columns] of the layer for each.

    Raises:
        ModelError: if there is no such layer, its output is no map, it does not run exactly
            once, or the logits do not depend on it.
    """
    found: list[Tensor] = []

    def cut(module: nn.Module, given: tuple[Any, ...], output: Any) -> Tensor:
        if not isinstance(output, Tensor) or output.dim() != 4:
            raise ModelError(
                f'the layer {layer!r} gives no map [1, channels, rows, columns]; '
                'name one that does (--layer)'
            )
        found.append(output.detach().requires_grad_())
        # A copy: what follows may overwrite it, as ReLUs in place do.
        return found[-1].clone()

    handle = find_layer(network, layer).register_forward_hook(cut)
    try:
        with torch.enable_grad():
            logits = network(planes)
            logits = resize(logits, int(planes.shape[2]), int(planes.shape[3]))
    finally:
        handle.remove()
    if len(found) != 1:
        raise ModelError(
            f'the layer {layer!r} runs {len(found)} times for an image; name one that runs once '
            '(--layer)'
        )
    if not logits.requires_grad:
        raise ModelError(
            f'the logits do not depend on the layer {layer!r}; name another one (--layer)'
        )
    maps = []
    for class_id, mask in scores:
        score = logits[0, class_id][torch.from_numpy(mask)].sum()
        (gradient,) = torch.autograd.grad(score, found[0], retain_graph=True)
        weights = gradient.mean((2, 3), keepdim=True)
        weighed = (weights * found[0]).sum(1)[0].detach()
        maps.append(torch.relu(weighed).float().numpy())
    return maps


def find_layer(network: nn.Module, name: str) -> nn.Module:
    """A module by its name.

    Raises:
        ModelError: if there is none, saying which there are.
    """
    modules = dict(network.named_modules())
    if not name or name not in modules:
        parent = name
        while parent and parent not in modules:
            parent = parent.rpartition('.')[0]
        there = [child for child, _ in modules[parent].named_children()]
        inside = f'{parent!r} has' if parent else 'there are'
        raise ModelError(
            f'the network has no layer {name!r}; {inside} {", ".join(there) or "no layers"}'
        )
    return modules[name]
