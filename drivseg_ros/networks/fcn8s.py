# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FCN-8s on VGG-16 (Long, Shelhamer, Darrell: Fully Convolutional Networks, CVPR 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from drivseg_ros.networks.layers import crop

# Channels of the 3x3 convolutions of VGG-16, configuration D, stage by stage.
_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def bilinear_kernel(channels: int) -> Tensor:
    """Weights [channels, channels, 4, 4] of a transposed convolution that doubles bilinearly."""
    side = torch.tensor([0.25, 0.75, 0.75, 0.25])
    return torch.eye(channels)[:, :, None, None] * torch.outer(side, side)


class FCN8sVGG16(nn.Module):
    """Float images [N, 3, H, W], of any size, to logits [N, classes, ceil(H / 8), ceil(W / 8)].

    The scores of pool5 (behind the former fully connected layers), pool4 and pool3 are added; the
    two doublings between them are transposed convolutions that begin as bilinear interpolation
    and are learned. The last one, by 8, stays bilinear in the paper, and is left to the caller.

    Unlike the paper's: all convolutions are padded to keep the size, instead of 100 pixels round
    the image and crops behind; all score layers start at random instead of at zero, because
    without ImageNet's weights nothing would be learned below them at first.

    The convolutions are named as torchvision names them, so that ImageNet weights fit.

    Args:
        num_classes: Number of classes, at least 2.
        hidden: Channels of the former fully connected layers.
        dropout: Probability of dropping a channel behind each former fully connected layer.
    """

    def __init__(self, num_classes: int, *, hidden: int = 4096, dropout: float = 0.5) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        pools = []
        for stage in _STAGES:
            for width in stage:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
            pools.append(len(layers))
        self.features = nn.Sequential(*layers)
        self.stops = pools[2:]  # behind pool3, pool4, pool5
        self.classifier = nn.Sequential(
            nn.Conv2d(512, hidden, 7, padding=3),
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout),
            nn.Conv2d(hidden, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout),
        )
        self.score5 = nn.Conv2d(hidden, num_classes, 1)
        self.score4 = nn.Conv2d(512, num_classes, 1)
        self.score3 = nn.Conv2d(256, num_classes, 1)
        self.double5 = _doubling(num_classes)
        self.double4 = _doubling(num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity='relu')
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for score in (self.score5, self.score4, self.score3):
            nn.init.normal_(score.weight, std=0.01)

    def forward(self, image: Tensor) -> Tensor:
        """Logits at an eighth of the image's size."""
        stop3, stop4, stop5 = self.stops
        pool3 = self.features[:stop3](image)
        pool4 = self.features[stop3:stop4](pool3)
        pool5 = self.features[stop4:stop5](pool4)
        scores = crop(self.double5(self.score5(self.classifier(pool5))), pool4)
        scores = scores + self.score4(pool4)
        return crop(self.double4(scores), pool3) + self.score3(pool3)


def _doubling(channels: int) -> nn.ConvTranspose2d:
    layer = nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(bilinear_kernel(channels))
    return layer
