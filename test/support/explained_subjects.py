# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks whose answers are known, before small pictures, for tests of explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard

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
