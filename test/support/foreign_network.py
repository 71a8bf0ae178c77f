# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Somebody else's networks, small enough to be known by heart: each pixel's colours, weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, HEIGHT = 24, 16


@dataclass(frozen=True)
class HeadOf:
    """One output: channels = weights x colours + bias, then what `last` says.

    Attributes:
        name: its name.
        weights: one row of three for each channel.
        bias: one for each channel.
        last: 'none', 'softmax', 'sigmoid', 'argmax' (int64 [N, H, W]), 'argmax_uint8' or
            'argmax_keep' (int32 [N, 1, H, W]).
        shrink: the output is so many times smaller, by the mean.
    """

    name: str
    weights: Sequence[Sequence[float]]
    bias: Sequence[float]
    last: str = 'none'
    shrink: int = 1


def write_foreign_network(
    path: Path,
    heads: Sequence[HeadOf],
    *,
    layout: str = 'nchw',
    opset: int = 17,
    dtype: Any = np.float32,
    batch: int | str = 1,
    free_size: bool = False,
    input_name: str = 'pixels',
    knot: str = '',
) -> Path:
    """Writes such a network.

    Args:
        path: the file.
        heads: its outputs.
        layout: of input and outputs, nchw or nhwc.
        opset: of the graph.
        dtype: of input, weights and outputs.
        batch: a number, or the name of a free one.
        free_size: whether height and width are free.
        input_name: the input's name.
        knot: 'reshape': constants tie it to the batch needlessly; 'mean': each image is mixed
            with the others of its batch.
    """
    height, width = ('h', 'w') if free_size else (HEIGHT, WIDTH)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes, weights = [], []

    def constant(name: str, value: Any, of: Any = dtype) -> str:
        weights.append(numpy_helper.from_array(np.asarray(value, of), name))
        return name

    value = input_name
    if layout == 'nhwc':
        nodes.append(helper.make_node('Transpose', [value], ['planes'], perm=[0, 3, 1, 2]))
        value = 'planes'
    if knot == 'reshape':
        flat = constant('flat', [batch, 3, -1], np.int64)
        back = constant('back', [batch, 3, HEIGHT, WIDTH], np.int64)
        nodes += [
            # torch writes the attribute from opset 14 on.
            helper.make_node(
                'Reshape', [value, flat], ['flattened'], **({'allowzero': 0} if opset > 13 else {})
            ),
            helper.make_node('Reshape', ['flattened', back], ['planes_again']),
        ]
        value = 'planes_again'
    if knot == 'mean':
        axes = {'axes': [0]}
        nodes += [
            helper.make_node('ReduceMean', [value], ['mean'], keepdims=1, **axes),
            helper.make_node('Add', [value, 'mean'], ['mixed']),
        ]
        value = 'mixed'
    outputs = []
    for head in heads:
        matrix = np.asarray(head.weights, np.float64).reshape(-1, 3, 1, 1)
        parts = [f'{head.name}_w', f'{head.name}_b']
        constant(parts[0], matrix)
        constant(parts[1], head.bias)
        steps: list[tuple[str, dict[str, Any]]] = [('Conv', {})]
        if head.shrink > 1:
            side = [head.shrink] * 2
            steps.append(('AveragePool', {'kernel_shape': side, 'strides': side}))
        of, axes_out = kind, 4
        if head.last in ('softmax', 'sigmoid'):
            steps.append((head.last.capitalize(), {'axis': 1} if head.last == 'softmax' else {}))
        elif head.last.startswith('argmax'):
            keep = int(head.last == 'argmax_keep')
            steps.append(('ArgMax', {'axis': 1, 'keepdims': keep}))
            of, axes_out = TensorProto.INT64, 4 if keep else 3
            cast_to = {'argmax_uint8': TensorProto.UINT8, 'argmax_keep': TensorProto.INT32}
            if head.last in cast_to:
                of = cast_to[head.last]
                steps.append(('Cast', {'to': of}))
        if layout == 'nhwc' and axes_out == 4:
            steps.append(('Transpose', {'perm': [0, 2, 3, 1]}))
        here = value
        for index, (op_type, attributes) in enumerate(steps):
            name = head.name if index == len(steps) - 1 else f'{head.name}_{index}'
            extra = parts if op_type == 'Conv' else []
            nodes.append(helper.make_node(op_type, [here, *extra], [name], **attributes))
            here = name
        outputs.append(helper.make_tensor_value_info(head.name, of, [None] * axes_out))
    shape = [batch, 3, height, width] if layout == 'nchw' else [batch, height, width, 3]
    graph = helper.make_graph(
        nodes,
        'foreign',
        [helper.make_tensor_value_info(input_name, kind, shape)],
        outputs,
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path
