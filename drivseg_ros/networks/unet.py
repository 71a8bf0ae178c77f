# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""U-Net (Ronneberger, Fischer, Brox: U-Net: Convolutional Networks ..., MICCAI 2015)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from drivseg_ros.networks.layers import ConvBN, crop

_CHANNELS = (64, 128, 256, 512, 1024)


def _double_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(ConvBN(in_channels, out_channels), ConvBN(out_channels, out_channels))


class UNet(nn.Module):
    """Float images [N, 3, H, W], of any size, to logits [N, classes, H, W].

    Four levels down and up, figure 1 of the paper. Unlike the paper's: the convolutions are
    padded, so that the answer has the image's size and no skip loses its border; each has a batch
    norm, in place of the dropout. Where a size is odd, pooling rounds up and the way back up crops.

    Args:
        num_classes: Number of classes, at least 2.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        first = _CHANNELS[0]
        self.down = nn.ModuleList([_double_conv(3, first)])
        self.widen = nn.ModuleList()
        self.up = nn.ModuleList()
        for fine, coarse in itertools.pairwise(_CHANNELS):
            self.down.append(_double_conv(fine, coarse))
            self.widen.append(nn.ConvTranspose2d(coarse, fine, 2, stride=2))
            self.up.append(_double_conv(coarse, fine))
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.classifier = nn.Conv2d(first, num_classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity='relu')
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of the image's size."""
        x = self.down[0](image)
        skips = []
        for block in list(self.down)[1:]:
            skips.append(x)
            x = block(self.pool(x))
        levels = list(zip(skips, self.widen, self.up, strict=True))
        for skip, widen, block in reversed(levels):
            x = block(torch.cat([skip, crop(widen(x), skip)], dim=1))
        return self.classifier(x)
