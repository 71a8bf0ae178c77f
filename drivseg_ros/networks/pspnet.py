# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""PSPNet on a dilated ResNet-50 (Zhao et al.: Pyramid Scene Parsing Network, CVPR 2017)."""

from __future__ import annotations

from torch import Tensor, nn

from drivseg_ros.networks.layers import ConvBN, PyramidPooling
from drivseg_ros.networks.torchvision_networks import DilatedResNet50


class PSPNet(nn.Module):
    """Float images [N, 3, H, W], of any size, to logits [N, classes, ceil(H / 8), ceil(W / 8)].

    In training mode `forward` returns two logits: the classifier's, and those of the auxiliary
    branch behind ResNet's third stage (conv4), which the paper weighs 0.4 (3.3). The branch is no
    part of an exported network.

    Unlike the paper's, whose ResNet begins with three 3x3 convolutions, torchvision's begins with
    one of 7x7.

    Args:
        num_classes: Number of classes, at least 2.
        dropout: Probability of dropping a channel before each last convolution.
    """

    def __init__(self, num_classes: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.backbone = DilatedResNet50()
        self.pyramid = PyramidPooling(2048, 512, kernel=3)
        self.classifier = nn.Sequential(nn.Dropout2d(dropout), nn.Conv2d(512, num_classes, 1))
        self.auxiliary = nn.Sequential(
            ConvBN(1024, 256), nn.Dropout2d(dropout), nn.Conv2d(256, num_classes, 1)
        )

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Logits; in training mode those of the auxiliary branch as well."""
        stage3, stage4 = self.backbone(image)
        logits = self.classifier(self.pyramid(stage4))
        if not self.training:
            return logits
        return logits, self.auxiliary(stage3)
