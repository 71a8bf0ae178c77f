# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The architectures by the names that checkpoints use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from drivseg_ros.errors import ModelError
from drivseg_ros.models.fast_scnn import FastSCNN

ARCHITECTURES: Mapping[str, Callable[[int], nn.Module]] = {'fast_scnn': FastSCNN}
"""Each takes the number of classes; float [N, 3, H, W] to logits, see `FastSCNN`."""


def create_network(architecture: str, *, num_classes: int) -> nn.Module:
    """A network with random weights.

    Raises:
        ModelError: if there is no such architecture, or it takes no such number of classes.
    """
    if architecture not in ARCHITECTURES:
        raise ModelError(
            f'unknown architecture {architecture!r}; there are {", ".join(sorted(ARCHITECTURES))}'
        )
    if num_classes < 2:
        raise ModelError(f'a network for {num_classes} classes; at least 2 are needed')
    return ARCHITECTURES[architecture](num_classes)
