# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stands before the network: from uint8 RGB pixels to the input it was made for."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from drivseg_ros.lab.importing.card import Color, InputSpec, Layout
from drivseg_ros.lab.importing.graph_builder import GraphBuilder
from drivseg_ros.model.file import INPUT_NAME


def add_prelude(graph: GraphBuilder, spec: InputSpec, *, dtype: str, output: str) -> None:
    """Adds the way from the image to the network's input.

    Args:
        graph: where to.
        spec: the card's word on the input.
        dtype: the input's element type, float32, float16 or uint8.
        output: the input's name, given to the last operation.
    """
    # The Cast comes first: TensorRT takes uint8 nowhere else.
    steps: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ('Cast', (), {'to': TensorProto.FLOAT})
    ]
    channel_axis = 3
    if spec.layout is Layout.NCHW:
        steps.append(('Transpose', (), {'perm': [0, 3, 1, 2]}))
        channel_axis = 1
    if spec.color is Color.BGR:
        order = graph.constant([2, 1, 0], np.int64)
        steps.append(('Gather', (order,), {'axis': channel_axis}))
    factor, offset = (_along(values, channel_axis) for values in normalisation(spec))
    if (factor != 1).any():
        steps.append(('Mul', (graph.constant(factor),), {}))
    if (offset != 0).any():
        steps.append(('Add', (graph.constant(offset),), {}))
    if dtype != 'float32':
        to = TensorProto.FLOAT16 if dtype == 'float16' else TensorProto.UINT8
        steps.append(('Cast', (), {'to': to}))
    value = INPUT_NAME
    for step, (op_type, constants, attributes) in enumerate(steps):
        name = output if step == len(steps) - 1 else None
        value = graph.add(op_type, value, *constants, output=name, **attributes)


def normalisation(spec: InputSpec) -> tuple[np.ndarray, np.ndarray]:
    """Factor and offset of a grey level, float64 [3], in the network's order of channels."""
    mean, std = np.array(spec.mean), np.array(spec.std)
    return spec.scale / std, -mean / std


def _along(values: np.ndarray, axis: int) -> np.ndarray:
    shape = [1, 1, 1, 1]
    shape[axis] = 3
    return values.astype(np.float32).reshape(shape)
