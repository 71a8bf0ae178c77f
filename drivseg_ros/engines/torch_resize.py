# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX's Resize in torch: nearest and linear, in every way of counting coordinates.

torch's own interpolation is taken where it means the same; else each axis is gathered, and for
linear weighed, by indices that the specification gives (https://onnx.ai/onnx/operators/).
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)

from drivseg_ros.engines.torch_nodes import Node, Run

_COORDINATES = ('half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric')
_LINEAR = {3: 'linear', 4: 'bilinear', 5: 'trilinear'}

_ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    'round_prefer_floor': lambda x: np.ceil(x - np.float32(0.5)),
    'round_prefer_ceil': lambda x: np.floor(x + np.float32(0.5)),
    'floor': np.floor,
    'ceil': np.ceil,
}


def build_resize(node: Node) -> Run:
    """The operation; refused are cubic, antialiasing, cropping and extrapolation."""
    mode = node.expect('mode', 'nearest', 'linear')
    if node.opset < 11:  # Resize-10: inputs X and scales, coordinates as in 'asymmetric'
        coordinates, rounding, at = 'asymmetric', 'floor', 1
    else:
        coordinates = node.expect('coordinate_transformation_mode', *_COORDINATES)
        rounding = node.expect('nearest_mode', *_ROUNDINGS)
        at = 2
    node.expect('antialias', 0)
    node.expect('exclude_outside', 0)
    node.expect('keep_aspect_ratio_policy', 'stretch')
    for name in ('cubic_coeff_a', 'extrapolation_value'):  # of modes that are refused
        node.get(name)
    sizes, scales = _target(node, at)
    changed = [
        axis for axis, size in enumerate(node.shape()) if sizes[axis] != size or scales[axis] != 1.0
    ]
    positions = {
        axis: _positions(coordinates, node.shape()[axis], sizes[axis], scales[axis])
        for axis in changed
    }
    if not changed:
        return lambda x, *_: x
    native = _native(node, mode, coordinates, sizes, scales, changed)
    if native is not None:
        return native
    if mode == 'nearest':
        return _nearest(node, positions, _ROUNDINGS[rounding])
    return _linear(node, positions)


def _target(node: Node, at: int) -> tuple[list[int], list[float]]:
    """The output's size and the scale on every axis."""
    shape = node.shape()
    axes = [axis % len(shape) for axis in node.get('axes', range(len(shape)))]
    sizes, scales = list(shape), [1.0] * len(shape)
    if node.has(at) and node.shape(at) != (0,):
        for axis, scale in zip(axes, node.constant(at).tolist(), strict=True):
            scales[axis] = scale
            sizes[axis] = int(np.floor(shape[axis] * scale))
    elif node.has(at + 1):
        for axis, size in zip(axes, node.numbers(at + 1) or [], strict=True):
            sizes[axis] = size
            scales[axis] = size / shape[axis]
    else:
        raise node.error('has neither scales nor sizes; export the network again')
    return sizes, scales


def _positions(coordinates: str, size: int, target: int, scale: float) -> np.ndarray:
    """Where the target's samples lie in the source, float32 [target].

    In float32 as in onnxruntime, so that positions just between two samples go the same way.
    """
    index = np.arange(target, dtype=np.float32)
    half, scale32 = np.float32(0.5), np.float32(scale)
    if coordinates == 'asymmetric':
        return index / scale32
    if coordinates == 'align_corners' and target > 1:
        return index * np.float32(size - 1) / np.float32(target - 1)
    if coordinates == 'align_corners' or (coordinates == 'pytorch_half_pixel' and target == 1):
        return np.zeros(1, np.float32)
    return (index + half) / scale32 - half


def _native(
    node: Node,
    mode: str,
    coordinates: str,
    sizes: list[int],
    scales: list[float],
    changed: list[int],
) -> Run | None:
    """Torch's own interpolation where it does the same: linear, behind batch and channels."""
    shape = node.shape()
    exact = all(scales[axis] == sizes[axis] / shape[axis] for axis in changed)
    if mode != 'linear' or len(shape) not in _LINEAR or changed[0] < 2:
        return None
    aligned = coordinates == 'align_corners'
    if not aligned and (coordinates == 'asymmetric' or not exact):
        return None
    if coordinates == 'pytorch_half_pixel' and any(sizes[axis] == 1 for axis in changed):
        return None
    interpolate = functools.partial(
        F.interpolate, size=sizes[2:], mode=_LINEAR[len(shape)], align_corners=aligned
    )
    return lambda x, *_: interpolate(x)


def _nearest(
    node: Node, positions: dict[int, np.ndarray], rounding: Callable[[np.ndarray], np.ndarray]
) -> Run:
    for at, (axis, position) in enumerate(positions.items(), start=1):
        index = rounding(position).clip(0, node.shape()[axis] - 1).astype(np.int64)
        node.replace(at, torch.from_numpy(index))
    del node.inputs[len(positions) + 1 :]
    axes = list(positions)

    def run(x: Tensor, *indices: Tensor) -> Tensor:
        for axis, index in zip(axes, indices, strict=True):
            x = x.index_select(axis, index)
        return x

    return run


def _linear(node: Node, positions: dict[int, np.ndarray]) -> Run:
    tensors: list[Tensor] = []
    for axis, position in positions.items():
        size = node.shape()[axis]
        position = position.clip(0, size - 1)
        lower = np.floor(position).astype(np.int64)
        weight = torch.from_numpy(position - lower).to(node.dtype())
        behind = (-1,) + (1,) * (len(node.shape()) - 1 - axis)
        upper = np.minimum(lower + 1, size - 1)
        tensors += [torch.from_numpy(lower), torch.from_numpy(upper), weight.reshape(behind)]
    for at, tensor in enumerate(tensors, start=1):
        node.replace(at, tensor)
    del node.inputs[len(tensors) + 1 :]
    axes = list(positions)

    def run(x: Tensor, *parts: Tensor) -> Tensor:
        for at, axis in enumerate(axes):
            lower, upper, weight = parts[3 * at : 3 * at + 3]
            x = torch.lerp(x.index_select(axis, lower), x.index_select(axis, upper), weight)
        return x

    return run
