# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fast-SCNN (Poudel, Liwicki, Cipolla: Fast Semantic Segmentation Network, 2019), table 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from drivseg_ros.networks.layers import (
    ConvBN,
    InvertedResidual,
    PyramidPooling,
    SeparableConv,
    resize,
)


def _bottlenecks(in_channels: int, out_channels: int, *, stride: int) -> nn.Sequential:
    """Three inverted residuals with expansion 6; the first one carries the stride."""
    return nn.Sequential(
        InvertedResidual(in_channels, out_channels, stride=stride),
        InvertedResidual(out_channels, out_channels),
        InvertedResidual(out_channels, out_channels),
    )


class FeatureFusion(nn.Module):
    """Joins coarse context to fine features (table 3): up-sample, dilated depthwise, add."""

    def __init__(self, fine_channels: int, coarse_channels: int, out_channels: int) -> None:
        super().__init__()
        self.coarse = nn.Sequential(
            ConvBN(coarse_channels, coarse_channels, groups=coarse_channels, dilation=4),
            ConvBN(coarse_channels, out_channels, kernel=1, relu=False),
        )
        self.fine = ConvBN(fine_channels, out_channels, kernel=1, relu=False)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """The joined map, of the fine map's size."""
        coarse = resize(coarse, int(fine.shape[2]), int(fine.shape[3]))
        return torch.relu(self.fine(fine) + self.coarse(coarse))


class FastSCNN(nn.Module):
    """Float images [N, 3, H, W] to logits [N, classes, ceil(H / 8), ceil(W / 8)].

    The classifier works at one eighth of the input's size; the caller up-samples its logits (with
    `upsample`). In training mode `forward` returns three logits: the classifier's, and those of
    the auxiliary heads behind the down-sampling (1/8) and behind the feature extractor (1/32),
    which the paper weighs 0.4 each.

    Args:
        num_classes: Number of classes, at least 2.
        dropout: Probability of dropping a channel before the last convolution.
    """

    def __init__(self, num_classes: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.downsample = nn.Sequential(
            ConvBN(3, 32, stride=2),
            SeparableConv(32, 48, stride=2),
            SeparableConv(48, 64, stride=2),
        )
        self.features = nn.Sequential(
            _bottlenecks(64, 64, stride=2),
            _bottlenecks(64, 96, stride=2),
            _bottlenecks(96, 128, stride=1),
            PyramidPooling(128, 128),
        )
        self.fusion = FeatureFusion(64, 128, 128)
        self.classifier = nn.Sequential(
            SeparableConv(128, 128),
            SeparableConv(128, 128),
            nn.Dropout2d(dropout),
            nn.Conv2d(128, num_classes, 1),
        )
        self.auxiliary_fine = nn.Sequential(ConvBN(64, 32), nn.Conv2d(32, num_classes, 1))
        self.auxiliary_coarse = nn.Sequential(ConvBN(128, 32), nn.Conv2d(32, num_classes, 1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        """Logits; in training mode those of the auxiliary heads as well."""
        fine = self.downsample(image)
        coarse = self.features(fine)
        logits = self.classifier(self.fusion(fine, coarse))
        if not self.training:
            return logits
        return logits, self.auxiliary_fine(fine), self.auxiliary_coarse(coarse)
