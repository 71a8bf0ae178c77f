# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The real-time network: a cut EfficientNet-Lite0, pyramid pooling, and a light way back up."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from drivseg_ros.networks.efficientnet_lite import ConvBN6, EfficientNetLite0
from drivseg_ros.networks.layers import pool, resize

SCALE = 0.8
"""Of the input inside the network: 640x360 is seen as 512x288, for two thirds of the time."""


class _Joint(nn.Module):
    """A coarse map brought to the size of a fine one, joined to it, and filtered separably."""

    def __init__(self, coarse: int, fine: int, lateral: int, out_channels: int) -> None:
        super().__init__()
        self.lateral = ConvBN6(fine, lateral)
        joined = coarse + lateral
        self.depthwise = ConvBN6(joined, joined, kernel=3, groups=joined)
        self.pointwise = ConvBN6(joined, out_channels)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        coarse = resize(coarse, int(fine.shape[2]), int(fine.shape[3]))
        return self.pointwise(self.depthwise(torch.cat([coarse, self.lateral(fine)], dim=1)))


class _Context(nn.Module):
    """Pyramid pooling (PSPNet) with bins in the shape of a wide image."""

    bins = ((1, 1), (2, 3), (3, 6))

    def __init__(self, in_channels: int, branch: int, out_channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(ConvBN6(in_channels, branch) for _ in self.bins)
        self.project = ConvBN6(in_channels + branch * len(self.bins), out_channels)

    def forward(self, x: Tensor) -> Tensor:
        height, width = int(x.shape[2]), int(x.shape[3])
        maps = [x]
        for (rows, columns), branch in zip(self.bins, self.branches, strict=True):
            maps.append(resize(branch(pool(x, rows, columns)), height, width))
        return self.project(torch.cat(maps, dim=1))


class EfficientNetLiteFPN(nn.Module):
    """Float images [N, 3, H, W] to logits [N, classes, h, w] at a quarter of 0.8 times their size.

    The encoder ends behind its 13th block, where it has the wide field of view of stride 32 and
    less than half of its parameters; a decoder in the manner of feature pyramids (Lin et al.,
    CVPR 2017) joins strides 32, 16, 8 and 4. In training mode there are two logits: the decoder's,
    and those of an auxiliary head at stride 16.

    Args:
        num_classes: Number of classes, at least 2.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.encoder = EfficientNetLite0(blocks=13, taps=(2, 4, 10, 12))
        stride4, stride8, stride16, stride32 = self.encoder.channels
        self.context = _Context(stride32, 64, 128)
        self.joint16 = _Joint(128, stride16, 64, 128)
        self.joint8 = _Joint(128, stride8, 64, 64)
        self.reduce = ConvBN6(64, 32)
        self.joint4 = _Joint(32, stride4, 32, 32)
        self.classifier = nn.Conv2d(32, num_classes, 1)
        self.auxiliary = nn.Conv2d(128, num_classes, 1)

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Logits; in training mode those of the auxiliary head as well."""
        height, width = (max(1, round(SCALE * int(side))) for side in image.shape[2:])
        # Not `layers.resize`: on a whole image, products with its matrices would cost as much as
        # half of the network.
        image = functional.interpolate(
            image, size=(height, width), mode='bilinear', align_corners=False
        )
        stride4, stride8, stride16, stride32 = self.encoder(image)
        coarse = self.joint16(self.context(stride32), stride16)
        fine = self.joint4(self.reduce(self.joint8(coarse, stride8)), stride4)
        logits = self.classifier(fine)
        return (logits, self.auxiliary(coarse)) if self.training else logits
