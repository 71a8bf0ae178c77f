# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX operations in torch: constants, and all that moves values without changing them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)

from drivseg_ros.engines.torch_nodes import Node, Run


def _constant(node: Node) -> Run:
    kinds = {'value_float': torch.float32, 'value_floats': torch.float32}
    for name in ('value', 'value_float', 'value_floats', 'value_int', 'value_ints'):
        value = node.get(name)
        if isinstance(value, Tensor):
            return value.clone
        if value is not None:
            return torch.tensor(value, dtype=kinds.get(name, torch.int64)).clone
    raise node.error('has no value; the torch engine knows tensors and numbers')


def _constant_of_shape(node: Node) -> Run:
    shape = node.numbers(0) or []
    value = node.get('value', torch.zeros(1))
    return lambda _: value.reshape(()).expand(shape).clone()


def _range(node: Node) -> Run:
    start, stop, step = (node.constant(i).item() for i in range(3))
    dtype = node.dtype()
    return lambda *_: torch.arange(start, stop, step, dtype=dtype)


def _transpose(node: Node) -> Run:
    order = node.get('perm', tuple(range(len(node.shape())))[::-1])
    return lambda x: x.permute(*order)


def _concat(node: Node) -> Run:
    axis = node.get('axis')
    return lambda *tensors: torch.cat(tensors, dim=axis)


def _split(node: Node) -> Run:
    axis = node.get('axis', 0)
    size = node.shape()[axis]
    sizes = node.numbers(1, 'split')
    if sizes is None:
        count = node.get('num_outputs', node.num_outputs)
        part = -(-size // count)
        sizes = [part] * (count - 1) + [size - part * (count - 1)]
    return lambda x, *_: tuple(x.split(sizes, dim=axis))


def _slice(node: Node) -> Run:
    shape = node.shape()
    starts, ends = node.numbers(1, 'starts'), node.numbers(2, 'ends')
    if starts is None or ends is None:
        raise node.error('has no starts or no ends; export the network again')
    axes = node.numbers(3, 'axes') or list(range(len(starts)))
    steps = node.numbers(4) or [1] * len(starts)
    index = [slice(None)] * len(shape)
    turned = []
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        kept = range(*slice(start, end, step).indices(shape[axis]))
        if step < 0:  # torch has no negative steps
            kept = kept[::-1]
            turned.append(axis)
        index[axis] = slice(kept.start, max(kept.start, kept.stop), kept.step)
    where = tuple(index)
    if turned:
        return lambda x, *_: x[where].flip(turned)
    return lambda x, *_: x[where]


def _gather(node: Node) -> Run:
    axis = node.get('axis', 0) % len(node.shape(0))
    size = node.shape(0)[axis]
    value = node.inputs[1]
    if value is not None and value.known:
        indices = value.tensor
        indices = torch.where(indices < 0, indices + size, indices)
        if indices.dim() == 0:
            index = int(indices)
            return lambda x, _: x.select(axis, index)
        if indices.dim() == 1:
            node.replace(1, indices)
            return lambda x, i: x.index_select(axis, i)
    shape = (*node.shape(0)[:axis], *node.shape(1), *node.shape(0)[axis + 1 :])

    def run(x: Tensor, indices: Tensor) -> Tensor:
        indices = torch.where(indices < 0, indices + size, indices)
        return x.index_select(axis, indices.reshape(-1)).reshape(shape)

    return run


def _reshape(node: Node) -> Run:
    shape = node.numbers(1) or []
    if not node.get('allowzero', 0):
        shape = [node.shape(0)[i] if size == 0 else size for i, size in enumerate(shape)]
    return lambda x, _: x.reshape(shape)


def _flatten(node: Node) -> Run:
    axis = node.get('axis', 1)
    shape = node.shape()
    rows = math.prod(shape[: axis if axis >= 0 else axis + len(shape)])
    columns = math.prod(shape) // rows if rows else -1
    return lambda x: x.reshape(rows, columns)


def _expand(node: Node) -> Run:
    shape = torch.broadcast_shapes(node.shape(0), tuple(node.numbers(1) or []))
    return lambda x, _: x.expand(shape)


def _tile(node: Node) -> Run:
    repeats = node.numbers(1) or []
    return lambda x, _: x.repeat(repeats)


def _squeeze(node: Node) -> Run:
    axes = node.numbers(1, 'axes')
    if axes is None:
        axes = [i for i, size in enumerate(node.shape()) if size == 1]
    return lambda x, *_: x.squeeze(tuple(axes))


def _unsqueeze(node: Node) -> Run:
    axes = node.numbers(1, 'axes') or []
    rank = len(node.shape()) + len(axes)
    positions = sorted(axis % rank for axis in axes)

    def run(x: Tensor, *_: Tensor) -> Tensor:
        for position in positions:
            x = x.unsqueeze(position)
        return x

    return run


_PAD_MODES = {'constant': 'constant', 'reflect': 'reflect', 'edge': 'replicate'}


def _pad(node: Node) -> Run:
    mode = _PAD_MODES[node.expect('mode', 'constant', 'reflect', 'edge')]
    rank = len(node.shape())
    pads = node.numbers(1, 'pads') or []
    axes = node.numbers(3) or list(range(rank))
    around = np.zeros((rank, 2), np.int64)  # before, behind
    around[[axis % rank for axis in axes]] = np.reshape(pads, (2, -1)).T
    if node.opset < 11:
        fill = node.get('value', 0.0)
    else:
        fill = node.constant(2).item() if node.has(2) else 0.0
    if not around.any():
        return lambda x, *_: x
    if mode == 'constant':
        widths = [int(w) for w in around[::-1].reshape(-1)]
        return lambda x, *_: F.pad(x, widths, value=fill)
    # torch takes the last axes only, one to three of them, behind one or two others.
    used = np.flatnonzero(around.any(axis=1))
    if rank - used[0] > 3 or rank < 2:
        raise node.error(
            f'pads the axes {used.tolist()} of {rank} with mode {mode!r}; the torch engine '
            'can do the last three'
        )
    spatial = min(max(rank - 2, 1), 3)
    widths = [int(w) for w in around[rank - spatial :][::-1].reshape(-1)]
    return lambda x, *_: F.pad(x, widths, mode=mode)


def _depth_to_space(node: Node) -> Run:
    n, c, h, w = node.shape()
    b = node.get('blocksize')
    if node.expect('mode', 'DCR', 'CRD') == 'CRD':
        return functools.partial(F.pixel_shuffle, upscale_factor=b)
    split, joined = (n, b, b, c // b**2, h, w), (n, c // b**2, h * b, w * b)
    return lambda x: x.reshape(split).permute(0, 3, 4, 1, 5, 2).reshape(joined)


def _space_to_depth(node: Node) -> Run:
    n, c, h, w = node.shape()
    b = node.get('blocksize')
    split, joined = (n, c, h // b, b, w // b, b), (n, c * b**2, h // b, w // b)
    return lambda x: x.reshape(split).permute(0, 3, 5, 1, 2, 4).reshape(joined)


SHAPES: dict[str, Callable[[Node], Run]] = {
    'Concat': _concat,
    'Constant': _constant,
    'ConstantOfShape': _constant_of_shape,
    'DepthToSpace': _depth_to_space,
    'Expand': _expand,
    'Flatten': _flatten,
    'Gather': _gather,
    'Pad': _pad,
    'Range': _range,
    'Reshape': _reshape,
    'Slice': _slice,
    'SpaceToDepth': _space_to_depth,
    'Split': _split,
    'Squeeze': _squeeze,
    'Tile': _tile,
    'Transpose': _transpose,
    'Unsqueeze': _unsqueeze,
}
"""By the ONNX operation's name."""
