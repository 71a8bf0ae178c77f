# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite0, as far as segmentation needs it.

EfficientNet (Tan and Le, ICML 2019) without squeeze-and-excitation and with ReLU6 in place of
swish (Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog, 2020), which
makes it quick on CPUs and safe to quantise. Stem and head are not scaled.
"""

from __future__ import annotations

from torch import Tensor, nn

from drivseg_ros.networks.layers import ConvBN

# Kernel, stride, expansion, input channels, output channels of each block (EfficientNet, table 1).
_BLOCKS = (
    (3, 1, 1, 32, 16),
    (3, 2, 6, 16, 24),
    (3, 1, 6, 24, 24),
    (5, 2, 6, 24, 40),
    (5, 1, 6, 40, 40),
    (3, 2, 6, 40, 80),
    (3, 1, 6, 80, 80),
    (3, 1, 6, 80, 80),
    (5, 1, 6, 80, 112),
    (5, 1, 6, 112, 112),
    (5, 1, 6, 112, 112),
    (5, 2, 6, 112, 192),
    (5, 1, 6, 192, 192),
    (5, 1, 6, 192, 192),
    (5, 1, 6, 192, 192),
    (3, 1, 6, 192, 320),
)
ALL_BLOCKS = len(_BLOCKS)


class ConvBN6(ConvBN):
    """Convolution, batch norm with the settings the published weights have, ReLU6."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        relu: bool = True,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel=kernel, stride=stride, groups=groups, relu=relu
        )
        self[1] = nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01)
        if relu:
            self[2] = nn.ReLU6(inplace=True)


class MBConv(nn.Module):
    """Widen, filter depthwise, project; residual if sizes allow."""

    def __init__(
        self, kernel: int, stride: int, expansion: int, in_channels: int, out_channels: int
    ) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.expand = ConvBN6(in_channels, hidden) if expansion > 1 else nn.Identity()
        self.depthwise = ConvBN6(hidden, hidden, kernel=kernel, stride=stride, groups=hidden)
        self.project = ConvBN6(hidden, out_channels, relu=False)
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Float [N, in_channels, H, W] to [N, out_channels, ceil(H / stride), ...]."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """Float images [N, 3, H, W] to the maps of chosen blocks.

    Where TensorFlow pads an even map by nothing and one, a convolution with stride 2 pads one and
    one here: the weights fit, the grid lies half a pixel further, and the graph needs no padding of
    its own.

    Args:
        blocks: How many of the 16 blocks, from the first on.
        taps: Numbers of the blocks, from 0, whose outputs are wanted.
    """

    def __init__(self, *, blocks: int = ALL_BLOCKS, taps: tuple[int, ...]) -> None:
        super().__init__()
        self.taps = taps
        self.channels = tuple(_BLOCKS[tap][-1] for tap in taps)
        self.stem = ConvBN6(3, 32, kernel=3, stride=2)
        self.blocks = nn.ModuleList(MBConv(*block) for block in _BLOCKS[:blocks])

    def forward(self, image: Tensor) -> list[Tensor]:
        """The maps behind the taps, in their order."""
        x = self.stem(image)
        maps = {}
        for index, block in enumerate(self.blocks):
            x = block(x)
            maps[index] = x
        return [maps[tap] for tap in self.taps]
