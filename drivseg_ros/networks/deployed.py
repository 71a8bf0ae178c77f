# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network as it is deployed: with all that stands before and behind it."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from drivseg_ros.networks.layers import resize
from drivseg_ros.networks.normalisation import DEVIATION, MEAN


class DeployedNetwork(nn.Module):
    """A network with everything round it that no engine shall get wrong.

    uint8 [N, height, width, 3] RGB in; class ids and confidence, uint8 [N, height, width], out.
    The probabilities are taken at the resolution of the logits and interpolated to the image's
    (for logits of an eighth of its size 64 times fewer exponentials than the other way round), and
    the winner among them is the class.

    Args:
        network: Float [N, 3, height, width] to logits [N, classes, h, w]; a copy is kept, in
            evaluation mode.
        width: Width of the images; height likewise.
    """

    def __init__(self, network: nn.Module, *, width: int, height: int) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).cpu().float().eval()
        self.width = width
        self.height = height
        self.register_buffer('mean', torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer('scale', 1.0 / torch.tensor(DEVIATION).view(1, 3, 1, 1))

    mean: Tensor
    scale: Tensor

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Class ids and confidence of images."""
        # The Cast comes first: TensorRT takes uint8 nowhere else.
        planes = image.to(torch.float32).permute(0, 3, 1, 2)
        logits = self.network((planes - self.mean) * self.scale)
        probabilities = resize(torch.softmax(logits, dim=1), self.height, self.width)
        # Class by class instead of ArgMax and ReduceMax, which walk across memory: on a CPU less
        # than half the time, and the confidence costs next to nothing. float32, because
        # TensorRT selects among no 8-bit values.
        planes = probabilities.split(1, dim=1)
        winner = planes[0]
        # `full` and not `tensor`, whose upload a CUDA graph could not be captured over.
        numbers = [torch.full((), float(i), device=winner.device) for i in range(len(planes))]
        class_ids = numbers[0]
        for number, plane in zip(numbers[1:], planes[1:], strict=True):
            class_ids = torch.where(plane > winner, number, class_ids)
            winner = torch.maximum(winner, plane)
        confidence = winner * 255.0 + 0.5
        return class_ids.squeeze(1).to(torch.uint8), confidence.squeeze(1).to(torch.uint8)
