# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO's layers as ONNX operations, as far as segmentation networks of the zoo use them.

The layers are those of https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets.html.
All sizes are known, so what computes sizes from shapes (ShapeOf, StridedSlice, sums of integers)
is computed here and leaves nothing in the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.graph_builder import OPSET, GraphBuilder
from drivseg_ros.lab.importing.scores import exact_scale


@dataclass(frozen=True)
class Port:
    """An output of a layer: its number, its names if it has any, and its shape (-1: free)."""

    id: str
    names: tuple[str, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """A layer as the .xml has it; inputs are port numbers."""

    id: str
    name: str
    type: str
    version: str
    attributes: dict[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[Port, ...]

    def integers(self, key: str, default: Sequence[int] = ()) -> list[int]:
        """An attribute such as '1,2'."""
        text = self.attributes.get(key)
        return list(default) if text is None else [int(n) for n in text.split(',') if n.strip()]

    def flag(self, key: str) -> bool:
        """An attribute such as 'true' or '1'."""
        return self.attributes.get(key, 'false').lower() in ('true', '1')


Source = tuple[str, str]
"""A layer's id and the id of one of its output ports."""


class Converter:
    """Turns layers into operations, one by one, producers first.

    Args:
        path: of the .xml, for errors.
    """

    def __init__(self, path: Path) -> None:
        self.graph = GraphBuilder('ir/', opset=OPSET)
        self.parameters: dict[str, tuple[int, ...]] = {}
        self._path = path
        self._names: dict[Source, str] = {}
        self._known: dict[Source, np.ndarray] = {}
        self._shapes: dict[Source, tuple[int, ...]] = {}
        self._taken: set[str] = set()

    def constant(self, layer: Layer, value: np.ndarray) -> None:
        """Takes a Const layer."""
        self._know((layer.id, layer.outputs[0].id), value)

    def value(self, source: Source) -> tuple[str, tuple[int, ...]]:
        """The name and shape of a layer's output."""
        return self._name(source), self._shapes[source]

    def convert(self, layer: Layer, inputs: Sequence[Source]) -> None:
        """Takes any other layer.

        Raises:
            ModelError: if it is not known, or not with these attributes.
        """
        port = layer.outputs[0]
        if min(port.shape, default=1) < 1:
            self._refuse(
                layer, f'its shape {list(port.shape)} is free; reshape the network to one size'
            )
        source = (layer.id, port.id)
        folded = self._fold(layer, inputs)
        if folded is not None:
            self._know(source, folded)
            return
        if layer.type not in _LAYERS and layer.type != 'Parameter':
            self._refuse(
                layer,
                f'only these can be read: {", ".join(sorted({*_LAYERS, *_FOLDED, "Parameter"}))}; '
                'export the network to ONNX from where it was trained',
            )
        self._shapes[source] = port.shape
        if layer.type == 'Parameter':
            name = self._names[source] = self._free_name(layer)
            self.parameters[name] = port.shape
            return
        try:
            op_type, names, attributes = _LAYERS[layer.type](self, layer, list(inputs))
        except _NotKnownError as error:
            self._refuse(layer, f'{error}; export the network to ONNX from where it was trained')
        name = self._free_name(layer)
        self._names[source] = self.graph.add(op_type, *names, output=name, **attributes)

    def _fold(self, layer: Layer, inputs: Sequence[Source]) -> np.ndarray | None:
        """The value of a layer that depends on shapes and constants only."""
        if layer.type == 'ShapeOf':
            return np.array(self._shapes[inputs[0]], np.int64)
        if layer.type in _FOLDED and all(source in self._known for source in inputs):
            return np.asarray(_FOLDED[layer.type](layer, *(self._known[s] for s in inputs)))
        return None

    def _know(self, source: Source, value: np.ndarray) -> None:
        self._known[source] = value
        self._shapes[source] = value.shape

    def _name(self, source: Source) -> str:
        if source not in self._names:
            value = self._known[source]
            self._names[source] = self.graph.constant(value, value.dtype)
        return self._names[source]

    def _free_name(self, layer: Layer) -> str:
        names = layer.outputs[0].names
        name = names[0] if names else layer.name
        if name in self._taken:
            name = f'{name}:{layer.id}'
        self._taken.add(name)
        return name

    def _refuse(self, layer: Layer, reason: str) -> None:
        raise ModelError(
            f'{self._path}: layer {layer.name!r} of the type {layer.type} ({layer.version}) '
            f'cannot be imported: {reason}'
        )

    def known(self, source: Source, what: str) -> np.ndarray:
        """The value of an input that must be constant."""
        if source not in self._known:
            raise _NotKnownError(f'its {what} is not constant')
        return self._known[source]

    def names(self, sources: Sequence[Source]) -> list[str]:
        """The names of inputs."""
        return [self._name(source) for source in sources]

    def shape(self, source: Source) -> tuple[int, ...]:
        """The shape of an input."""
        return self._shapes[source]


class _NotKnownError(Exception):
    """A layer has attributes that are not known."""


_Operation = tuple[str, list[str], dict[str, Any]]
"""Type, inputs, attributes."""


def _plain(op_type: str) -> Callable[[Converter, Layer, list[Source]], _Operation]:
    return lambda converter, _layer, inputs: (op_type, converter.names(inputs), {})


def _convolution(converter: Converter, layer: Layer, inputs: list[Source]) -> _Operation:
    weights = converter.known(inputs[1], 'filter')
    groups = 1
    if layer.type == 'GroupConvolution':  # groups, outputs a group, inputs a group, kernel
        groups = weights.shape[0]
        weights = weights.reshape(-1, *weights.shape[2:])
    attributes = {
        'kernel_shape': list(weights.shape[2:]),
        'group': groups,
        'strides': layer.integers('strides'),
        'dilations': layer.integers('dilations'),
        **_padding(layer),
    }
    names = [*converter.names(inputs[:1]), converter.graph.constant(weights)]
    return 'Conv', names, attributes


def _pool(converter: Converter, layer: Layer, inputs: list[Source]) -> _Operation:
    attributes: dict[str, Any] = {
        'kernel_shape': layer.integers('kernel'),
        'strides': layer.integers('strides'),
        **_padding(layer),
    }
    rounding = layer.attributes.get('rounding_type', 'floor')
    if rounding not in ('floor', 'ceil'):
        raise _NotKnownError(f'its rounding_type is {rounding!r}')
    attributes['ceil_mode'] = int(rounding == 'ceil')
    if layer.type == 'AvgPool':
        attributes['count_include_pad'] = int(not layer.flag('exclude-pad'))
    elif set(layer.integers('dilations')) - {1}:
        raise _NotKnownError('it has dilations')
    return layer.type.replace('AvgPool', 'AveragePool'), converter.names(inputs), attributes


def _padding(layer: Layer) -> dict[str, Any]:
    auto_pad = layer.attributes.get('auto_pad', 'explicit')
    if auto_pad != 'explicit':
        if auto_pad not in ('same_upper', 'same_lower', 'valid'):
            raise _NotKnownError(f'its auto_pad is {auto_pad!r}')
        return {'auto_pad': auto_pad.upper()}
    return {'pads': [*layer.integers('pads_begin'), *layer.integers('pads_end')]}


def _prelu(converter: Converter, layer: Layer, inputs: list[Source]) -> _Operation:
    slope = converter.known(inputs[1], 'slope').reshape(-1)
    spatial = len(converter.shape(inputs[0])) - 2
    shaped = slope.reshape(-1, *[1] * spatial)
    return 'PRelu', [*converter.names(inputs[:1]), converter.graph.constant(shaped)], {}


def _clamp(converter: Converter, layer: Layer, inputs: list[Source]) -> _Operation:
    bounds = [converter.graph.constant(float(layer.attributes[key])) for key in ('min', 'max')]
    return 'Clip', [*converter.names(inputs), *bounds], {}


def _softmax(converter: Converter, layer: Layer, inputs: list[Source]) -> _Operation:
    return 'Softmax', converter.names(inputs), {'axis': layer.integers('axis', [1])[0]}


def _concat(converter: Converter, layer: Layer, inputs: list[Source]) -> _Operation:
    return 'Concat', converter.names(inputs), {'axis': layer.integers('axis')[0]}


def _transpose(converter: Converter, layer: Layer, inputs: list[Source]) -> _Operation:
    order = converter.known(inputs[1], 'order').tolist()
    return 'Transpose', converter.names(inputs[:1]), {'perm': order}


def _interpolate(converter: Converter, layer: Layer, inputs: list[Source]) -> _Operation:
    attributes = layer.attributes
    first_version = layer.version in ('opset1', 'opset2', 'opset3')
    mode = attributes.get('mode', '')
    if mode not in ('nearest', 'linear', 'linear_onnx'):
        raise _NotKnownError(f'its mode is {mode!r}')
    pads = layer.integers('pads_begin') + layer.integers('pads_end')
    given, target = converter.shape(inputs[0]), layer.outputs[0].shape
    if layer.flag('antialias') or any(pads):
        raise _NotKnownError('it has antialias or pads')
    nearest_mode = attributes.get('nearest_mode', 'round_prefer_floor')
    if first_version:
        align_corners = layer.attributes.get('align_corners', 'true').lower() in ('true', '1')
        coordinates = 'align_corners' if align_corners else 'asymmetric'
        if mode == 'nearest':
            coordinates, nearest_mode = 'asymmetric', 'floor'
    else:
        coordinates = attributes.get('coordinate_transformation_mode', 'half_pixel')
    if coordinates == 'tf_half_pixel_for_nn' or nearest_mode == 'simple':
        raise _NotKnownError(f'it has {coordinates}, {nearest_mode}')
    options = {'nearest_mode': nearest_mode} if mode == 'nearest' else {}
    scales = converter.graph.constant([exact_scale(a, b) for a, b in zip(given, target)])  # noqa: B905 (same rank)
    return (
        'Resize',
        [*converter.names(inputs[:1]), '', scales],
        {
            'mode': 'nearest' if mode == 'nearest' else 'linear',
            'coordinate_transformation_mode': coordinates,
            **options,
        },
    )


_LAYERS: dict[str, Callable[[Converter, Layer, list[Source]], _Operation]] = {
    'Add': _plain('Add'),
    'AvgPool': _pool,
    'Clamp': _clamp,
    'Concat': _concat,
    'Convolution': _convolution,
    'Divide': _plain('Div'),
    'GroupConvolution': _convolution,
    'Interpolate': _interpolate,
    'MaxPool': _pool,
    'Multiply': _plain('Mul'),
    'PReLU': _prelu,
    'ReLU': _plain('Relu'),
    'Sigmoid': _plain('Sigmoid'),
    'SoftMax': _softmax,
    'Subtract': _plain('Sub'),
    'Transpose': _transpose,
}


def _slice(
    layer: Layer, data: np.ndarray, begin: np.ndarray, end: np.ndarray, *strides: np.ndarray
) -> np.ndarray:
    if any(any(layer.integers(f'{m}_mask')) for m in ('ellipsis', 'new_axis', 'shrink_axis')):
        raise ModelError(
            f'layer {layer.name!r} of the type StridedSlice has masks that cannot be imported; '
            'export the network to ONNX from where it was trained'
        )
    skip_begin, skip_end = layer.integers('begin_mask'), layer.integers('end_mask')
    steps = strides[0] if strides else np.ones(len(begin), np.int64)
    slices = []
    for axis, (first, last, step) in enumerate(zip(begin, end, steps, strict=True)):
        ignore_first = axis < len(skip_begin) and skip_begin[axis]
        ignore_last = axis < len(skip_end) and skip_end[axis]
        slices.append(
            slice(None if ignore_first else first, None if ignore_last else last, int(step))
        )
    return data[tuple(slices)]


def _convert(layer: Layer, data: np.ndarray) -> np.ndarray:
    kind = layer.attributes.get('destination_type', 'f32')
    return data.astype(np.float32 if kind.startswith('f') else np.int64)


_FOLDED: dict[str, Callable[..., np.ndarray]] = {
    'Add': lambda _layer, a, b: a + b,
    'Concat': lambda layer, *parts: np.concatenate(parts, layer.integers('axis')[0]),
    'Convert': _convert,
    'Divide': lambda _layer, a, b: a / b if a.dtype.kind == 'f' else a // b,
    'Gather': lambda _layer, data, index, axis: np.take(data, index, int(axis)),
    'Multiply': lambda _layer, a, b: a * b,
    'ShapeOf': lambda _layer, data: np.array(data.shape, np.int64),
    'StridedSlice': _slice,
    'Subtract': lambda _layer, a, b: a - b,
}
"""What is computed here where all its inputs are known."""
