# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Building blocks: convolutions with batch norm, pyramid pooling, resampling by matrices."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn


class ConvBN(nn.Sequential):
    """Convolution without bias, batch norm and, unless asked otherwise, ReLU; 'same' padding."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        relu: bool = True,
    ) -> None:
        padding = dilation * (kernel - 1) // 2
        layers: list[nn.Module] = [
            nn.Conv2d(
                in_channels,
                out_channels,
                kernel,
                stride=stride,
                padding=padding,
                dilation=dilation,
                groups=groups,
                bias=False,
            ),
            nn.BatchNorm2d(out_channels),
        ]
        if relu:
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class SeparableConv(nn.Sequential):
    """Depthwise 3x3, then pointwise; no non-linearity between the two (Fast-SCNN, 3.2.1)."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__(
            ConvBN(in_channels, in_channels, stride=stride, groups=in_channels, relu=False),
            ConvBN(in_channels, out_channels, kernel=1),
        )


class InvertedResidual(nn.Module):
    """Bottleneck of MobileNetV2: widen, filter depthwise, project; residual if sizes allow."""

    def __init__(
        self, in_channels: int, out_channels: int, *, stride: int = 1, expansion: int = 6
    ) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.residual = stride == 1 and in_channels == out_channels
        self.layers = nn.Sequential(
            ConvBN(in_channels, hidden, kernel=1),
            ConvBN(hidden, hidden, stride=stride, groups=hidden),
            ConvBN(hidden, out_channels, kernel=1, relu=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Float [N, in_channels, H, W] to [N, out_channels, ceil(H / stride), ...]."""
        y = self.layers(x)
        return x + y if self.residual else y


def pooling_matrix(size: int, bins: int) -> Tensor:
    """Average pooling of `size` samples into `bins` bins as a float32 matrix [bins, size].

    The bins are those of torch's adaptive average pooling: bin i covers floor(i s / b) to
    ceil((i + 1) s / b).
    """
    matrix = np.zeros((bins, size), dtype=np.float32)
    for index in range(bins):
        start, stop = index * size // bins, -(-(index + 1) * size // bins)
        matrix[index, start:stop] = 1.0 / (stop - start)
    return torch.from_numpy(matrix)


def resize_matrix(size: int, target: int) -> Tensor:
    """Linear interpolation of `size` samples to `target` as a float32 matrix [target, size].

    Half-pixel centres, clamped at the borders: torch's `align_corners=False`.
    """
    position = (np.arange(target, dtype=np.float64) + 0.5) * size / target - 0.5
    position = position.clip(0, size - 1)
    lower = np.floor(position).astype(np.int64)
    upper = np.minimum(lower + 1, size - 1)
    weight = position - lower
    matrix = np.zeros((target, size), dtype=np.float32)
    rows = np.arange(target)
    np.add.at(matrix, (rows, lower), 1.0 - weight)
    np.add.at(matrix, (rows, upper), weight)
    return torch.from_numpy(matrix)


@functools.lru_cache(maxsize=256)
def _resident(
    make: Callable[[int, int], Tensor],
    size: int,
    target: int,
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor:
    """A matrix on its device, made once: a CUDA graph cannot be captured over its upload."""
    # A tensor born in inference mode could not be used for training afterwards.
    with torch.inference_mode(False):
        return make(size, target).to(device, dtype)


def resample(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Apply a row matrix [H', H] and a column matrix [W', W] to x [N, C, H, W]: [N, C, H', W'].

    A matrix product keeps the exported graph free of shape arithmetic, exact for every size, and
    is cheap for maps as small as those of these networks.
    """
    (out_height, height), (out_width, width) = rows.shape, columns.shape
    rows = rows.to(x.device, x.dtype)
    columns = columns.to(x.device, x.dtype).t()
    rows_first = out_height * width * (height + out_width)
    columns_first = out_width * height * (width + out_height)
    if rows_first < columns_first:  # multiplications
        return torch.matmul(torch.matmul(rows, x), columns)
    return torch.matmul(rows, torch.matmul(x, columns))


def resize(x: Tensor, height: int, width: int) -> Tensor:
    """Bilinear resize of x [N, C, H, W] to [N, C, height, width], half-pixel centres."""
    in_height, in_width = int(x.shape[2]), int(x.shape[3])
    if (in_height, in_width) == (height, width):
        return x
    rows = _resident(resize_matrix, in_height, height, x.device, x.dtype)
    columns = _resident(resize_matrix, in_width, width, x.device, x.dtype)
    return resample(x, rows, columns)


def pool(x: Tensor, rows: int, columns: int) -> Tensor:
    """Adaptive average pooling of x [N, C, H, W] to [N, C, rows, columns], for any H and W."""
    height, width = int(x.shape[2]), int(x.shape[3])
    return resample(
        x,
        _resident(pooling_matrix, height, rows, x.device, x.dtype),
        _resident(pooling_matrix, width, columns, x.device, x.dtype),
    )


def crop(x: Tensor, like: Tensor) -> Tensor:
    """The upper left of x [N, C, H, W], of the height and width of `like`."""
    height, width = int(like.shape[2]), int(like.shape[3])
    if (int(x.shape[2]), int(x.shape[3])) == (height, width):
        return x
    return x[:, :, :height, :width]


class PyramidPooling(nn.Module):
    """Pyramid pooling (PSPNet): the map, joined to its means over 1, 2, 3 and 6 bins a side.

    `kernel` is that of the convolution behind it.
    """

    bins = (1, 2, 3, 6)

    def __init__(self, in_channels: int, out_channels: int, *, kernel: int = 1) -> None:
        super().__init__()
        branch = in_channels // len(self.bins)
        self.branches = nn.ModuleList(ConvBN(in_channels, branch, kernel=1) for _ in self.bins)
        joined = in_channels + branch * len(self.bins)
        self.project = ConvBN(joined, out_channels, kernel=kernel)

    def forward(self, x: Tensor) -> Tensor:
        """Float [N, in_channels, H, W] to [N, out_channels, H, W]."""
        height, width = int(x.shape[2]), int(x.shape[3])
        maps = [x]
        for bins, branch in zip(self.bins, self.branches, strict=True):
            maps.append(resize(branch(pool(x, bins, bins)), height, width))
        return self.project(torch.cat(maps, dim=1))


def inference_parameters(network: nn.Module) -> int:
    """Number of learned values an exported network carries (without the auxiliary heads)."""
    return sum(
        parameter.numel()
        for name, parameter in network.named_parameters()
        if not name.startswith('auxiliary')
    )
