# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX operations in torch: convolutions, pooling, normalisation."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)

from drivseg_ros.engines.torch_nodes import Node, Run
from drivseg_ros.engines.torch_resize import build_resize

_CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d)
_TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
_MAX_POOLS = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
_AVERAGE_POOLS = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)


class _Window:
    """The sliding window of a convolution or a pooling: its sizes, one an axis."""

    def __init__(self, node: Node, kernel: Sequence[int]) -> None:
        self.rank = len(node.shape()) - 2
        if not 1 <= self.rank <= 3:
            raise node.error(f'works on {self.rank} axes; the torch engine knows 1 to 3')
        self.kernel = list(kernel)
        self.stride = list(node.get('strides', [1] * self.rank))
        self.dilation = list(node.get('dilations', [1] * self.rank))
        self.size = list(node.shape()[2:])
        reach = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
        self.reach = reach
        auto = node.expect('auto_pad', 'NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER')
        pads = list(node.get('pads', [0] * 2 * self.rank))
        if auto == 'VALID':
            pads = [0] * 2 * self.rank
        elif auto != 'NOTSET':
            total = [
                max((-(-size // stride) - 1) * stride + r - size, 0)
                for size, stride, r in zip(self.size, self.stride, reach, strict=True)
            ]
            less, more = [t // 2 for t in total], [t - t // 2 for t in total]
            pads = [*less, *more] if auto == 'SAME_UPPER' else [*more, *less]
        self.before, self.behind = pads[: self.rank], pads[self.rank :]

    @property
    def is_even(self) -> bool:
        """Whether there is as much padding before as behind."""
        return self.before == self.behind

    @property
    def widths(self) -> list[int]:
        """The padding as `F.pad` takes it."""
        pairs = zip(reversed(self.before), reversed(self.behind), strict=True)
        return [width for pair in pairs for width in pair]

    def count(self, *, ceil: bool) -> list[int]:
        """How many windows there are on each axis."""
        rounding = math.ceil if ceil else math.floor
        sizes = zip(self.size, self.before, self.behind, self.reach, self.stride, strict=True)
        return [rounding((s + b + e - r) / stride) + 1 for s, b, e, r, stride in sizes]


def _convolution(node: Node) -> Run:
    node.get('kernel_shape')  # the weight tells it
    window = _Window(node, node.shape(1)[2:])
    function = functools.partial(
        _CONVOLUTIONS[window.rank - 1],
        stride=window.stride,
        dilation=window.dilation,
        groups=node.get('group', 1),
    )
    if window.is_even:
        return functools.partial(function, padding=window.before)
    widths = window.widths
    return lambda x, *weights: function(F.pad(x, widths), *weights)


def _transposed_convolution(node: Node) -> Run:
    node.get('kernel_shape')
    node.expect('auto_pad', 'NOTSET', 'VALID')
    window = _Window(node, node.shape(1)[2:])
    extra = list(node.get('output_padding', [0] * window.rank))
    function = functools.partial(
        _TRANSPOSED[window.rank - 1],
        stride=window.stride,
        dilation=window.dilation,
        groups=node.get('group', 1),
    )
    if window.is_even:
        return functools.partial(function, padding=window.before, output_padding=extra)
    # Made without padding and cropped; the extra rows behind are what is cropped less.
    function = functools.partial(function, output_padding=extra)
    crop: tuple = (
        ...,
        *(slice(b, -e or None) for b, e in zip(window.before, window.behind, strict=True)),
    )
    return lambda *inputs: function(*inputs)[crop]


def _max_pool(node: Node) -> Run:
    node.get('storage_order')  # of the second output, which is refused
    window = _Window(node, node.get('kernel_shape'))
    ceil = bool(node.get('ceil_mode', 0))
    widths, needs_pad = window.widths, any(window.widths)
    if ceil:  # the last windows reach over the padded border, where nothing wins
        widths = list(widths)
        for axis, count in enumerate(window.count(ceil=True)):
            end = (count - 1) * window.stride[axis] + window.reach[axis]
            have = window.size[axis] + window.before[axis] + window.behind[axis]
            last = (count - 1) * window.stride[axis] >= window.size[axis] + window.before[axis]
            if last:
                raise node.error(
                    'has a last window that lies in the padding alone, which runtimes treat '
                    'differently; export the network with ceil_mode 0'
                )
            widths[2 * (window.rank - 1 - axis) + 1] += max(0, end - have)
        needs_pad = any(widths)
    function = functools.partial(
        _MAX_POOLS[window.rank - 1],
        kernel_size=window.kernel,
        stride=window.stride,
        dilation=window.dilation,
    )
    halves = all(2 * b <= k for b, k in zip(window.before, window.kernel, strict=True))
    if window.is_even and halves and widths == window.widths:
        return functools.partial(function, padding=window.before)
    dtype = node.dtype()
    lowest = -math.inf if dtype.is_floating_point else torch.iinfo(dtype).min
    if not needs_pad:
        return function
    return lambda x: function(F.pad(x, widths, value=lowest))


def _average_pool(node: Node) -> Run:
    window = _Window(node, node.get('kernel_shape'))
    if any(d != 1 for d in window.dilation):
        raise node.error('has dilations, which the torch engine does not know')
    counts_padding = bool(node.get('count_include_pad', 0))
    if node.get('ceil_mode', 0) and window.count(ceil=True) != window.count(ceil=False):
        raise node.error(
            'has windows that reach over the border (ceil_mode), which runtimes weigh '
            'differently; export the network with ceil_mode 0'
        )
    function = functools.partial(
        _AVERAGE_POOLS[window.rank - 1], kernel_size=window.kernel, stride=window.stride
    )
    if not any(window.widths):
        return function
    halves = all(2 * b <= k for b, k in zip(window.before, window.kernel, strict=True))
    if window.is_even and halves:
        return functools.partial(function, padding=window.before, count_include_pad=counts_padding)
    widths = window.widths
    if counts_padding:
        return lambda x: function(F.pad(x, widths))
    # The share of each window that is no padding is known beforehand.
    share = function(F.pad(torch.ones(1, 1, *window.size), widths))
    node.replace(1, share.to(node.dtype()))
    return lambda x, inside: function(F.pad(x, widths)) / inside


def _over_all(function: Callable[..., Tensor]) -> Callable[[Node], Run]:
    def build(node: Node) -> Run:
        axes = list(range(2, len(node.shape())))
        return functools.partial(function, dim=axes, keepdim=True)

    return build


def _batch_normalization(node: Node) -> Run:
    node.get('momentum')
    node.expect('training_mode', 0)
    node.expect('spatial', 1)
    epsilon = node.get('epsilon', 1e-5)
    return lambda x, scale, bias, mean, variance: F.batch_norm(
        x, mean, variance, scale, bias, eps=epsilon
    )


def _instance_normalization(node: Node) -> Run:
    epsilon = node.get('epsilon', 1e-5)
    return lambda x, scale, bias: F.instance_norm(x, weight=scale, bias=bias, eps=epsilon)


def _layer_normalization(node: Node) -> Run:
    node.expect('stash_type', 1)
    epsilon = node.get('epsilon', 1e-5)
    shape = node.shape()
    over = list(shape[node.get('axis', -1) % len(shape) :])
    if list(node.shape(1)) != over or (node.has(2) and list(node.shape(2)) != over):
        raise node.error(f'has a scale of shape {node.shape(1)}; the torch engine takes {over}')
    return lambda x, scale, bias=None: F.layer_norm(x, over, scale, bias, eps=epsilon)


def _group_normalization(node: Node) -> Run:
    node.expect('stash_type', 1)
    groups, epsilon = node.get('num_groups'), node.get('epsilon', 1e-5)
    channels = [node.shape()[1]]
    if list(node.shape(1)) != channels:  # before opset 21: one for each group
        raise node.error(f'has a scale of shape {node.shape(1)}; the torch engine takes {channels}')
    return lambda x, scale, bias: F.group_norm(x, groups, scale, bias, eps=epsilon)


LAYERS: dict[str, Callable[[Node], Run]] = {
    'AveragePool': _average_pool,
    'BatchNormalization': _batch_normalization,
    'Conv': _convolution,
    'ConvTranspose': _transposed_convolution,
    'GlobalAveragePool': _over_all(torch.mean),
    'GlobalMaxPool': _over_all(torch.amax),
    'GroupNormalization': _group_normalization,
    'InstanceNormalization': _instance_normalization,
    'LayerNormalization': _layer_normalization,
    'MaxPool': _max_pool,
    'Resize': build_resize,
}
"""By the ONNX operation's name."""
