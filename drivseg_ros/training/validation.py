# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good a network is while it is trained, on frames that the recipe does not draw."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from drivseg_ros.evaluation.confusion_matrix import ConfusionMatrix
from drivseg_ros.models.layers import resize
from drivseg_ros.models.normalisation import normalise
from drivseg_ros.training.cache import CachedFrames
from drivseg_ros.training.targets import ALTERNATIVE, DIRECT

DRIVABLE = (DIRECT, ALTERNATIVE)


@torch.inference_mode()
def validate(
    network: nn.Module, frames: CachedFrames, *, num_classes: int = 3, batch: int = 8
) -> ConfusionMatrix:
    """One confusion matrix over the frames at the size they are cached in.

    Args:
        network: In evaluation mode; float [N, 3, H, W] to logits of any size.
        frames: Images, and targets without ANY_DRIVABLE.
        num_classes: Of the network.
        batch: Images at a time.
    """
    matrix = ConfusionMatrix(num_classes)
    device = next(network.parameters()).device
    height, width = frames.targets.shape[1:]
    for start in range(0, len(frames), batch):
        images = torch.from_numpy(np.array(frames.images[start : start + batch]))
        logits = network(normalise(images.to(device)))
        predictions = resize(logits, height, width).argmax(1).to(torch.uint8).cpu().numpy()
        labels = frames.targets[start : start + batch]
        for label, prediction in zip(labels, predictions, strict=True):
            matrix.update(label=np.array(label), prediction=prediction)
    return matrix
