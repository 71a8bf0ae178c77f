# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The architectures by the names that checkpoints use."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from torch import nn

from drivseg_ros.errors import ModelError


def _later(module: str, name: str, **arguments: str) -> Callable[[int], nn.Module]:
    """A class of `drivseg_ros.networks.<module>`, which is imported when a network is made."""

    def make(num_classes: int) -> nn.Module:
        found = getattr(importlib.import_module(f'drivseg_ros.networks.{module}'), name)
        return found(num_classes, **arguments)

    return make


ARCHITECTURES: Mapping[str, Callable[[int], nn.Module]] = {
    'deeplabv3plus_resnet50': _later('smp_networks', 'DeepLabV3Plus'),
    'efficientnet_lite_fpn': _later('efficientnet_lite_fpn', 'EfficientNetLiteFPN'),
    'fast_scnn': _later('fast_scnn', 'FastSCNN'),
    'fcn8s_vgg16': _later('fcn8s', 'FCN8sVGG16'),
    'fcn_resnet50': _later('torchvision_networks', 'FCNResNet50'),
    'pspnet_resnet50': _later('pspnet', 'PSPNet'),
    **{
        f'segformer_{size}': _later('smp_networks', 'SegFormer', size=size)
        for size in ('b0', 'b1', 'b2', 'b3', 'b4', 'b5')
    },
    'unet': _later('unet', 'UNet'),
}
"""Each takes the number of classes and gives a network with random weights.

A network takes float images [N, 3, H, W], see `normalise`, and gives logits [N, classes, h, w] of
the same size or a smaller one, which the caller up-samples. In training mode some give a tuple,
whose further logits are those of auxiliary heads, in modules named `auxiliary...`.
"""


def create_network(architecture: str, *, num_classes: int) -> nn.Module:
    """A network with random weights.

    Raises:
        ModelError: if there is no such architecture, or it takes no such number of classes.
        MissingDependencyError: if it needs a library that is not installed.
    """
    if architecture not in ARCHITECTURES:
        raise ModelError(
            f'unknown architecture {architecture!r}; there are {", ".join(sorted(ARCHITECTURES))}'
        )
    if num_classes < 2:
        raise ModelError(f'a network for {num_classes} classes; at least 2 are needed')
    return ARCHITECTURES[architecture](num_classes)
