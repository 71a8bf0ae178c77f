# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Quantised graphs as TensorRT takes them: symmetric activations, and biases in float32.

CPU runtimes want unsigned activations (lab/quantising/static.py); TensorRT takes signed, symmetric
ones only. With the zero point 128 the unsigned are the same numbers as signed ones with the zero
point 0. Behind a ReLU the zero point is 0, and the signed form has half the levels for the same
range; `drivseg quantize` tries it, too. onnxruntime's quantisation stores biases as int32 with a
DequantizeLinear, which TensorRT refuses; their float32 values are the same numbers.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

_ACTIVATIONS = ('QuantizeLinear', 'DequantizeLinear')


def is_asymmetric(model: onnx.ModelProto) -> bool:
    """Whether an activation has a zero point other than 0, or is unsigned."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    return any(
        node.op_type == 'QuantizeLinear' and _needs_change(node, constants)
        for node in model.graph.node
    )


def make_symmetric(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with int8 activations of zero point 0 and biases in float32.

    The range of an activation stays, or grows to the other side of 0.

    Args:
        model: a graph with QuantizeLinear and DequantizeLinear; it is left as it is.
    """
    result = fold_int32_constants(model)
    constants = {tensor.name: tensor for tensor in result.graph.initializer}
    for node in result.graph.node:
        if node.op_type not in _ACTIVATIONS or node.input[0] in constants:
            continue
        if not _needs_change(node, constants):
            continue
        scale = numpy_helper.to_array(constants[node.input[1]])
        zero_point = numpy_helper.to_array(constants[node.input[2]])
        limits = np.iinfo(zero_point.dtype)
        zero = zero_point.astype(np.int64)
        below, above = zero - limits.min, limits.max - zero
        # 128 steps below and 127 above are int8's own; else 127 on either side.
        same = (below == 128) & (above == 127)
        signed = np.where(same, scale, scale * np.maximum(below, above) / 127)
        names = [f'{node.input[1]}_signed', f'{node.input[2]}_signed']
        if names[0] not in constants:
            for name, value in (
                (names[0], signed.astype(np.float32)),
                (names[1], np.zeros(zero.shape, np.int8)),
            ):
                tensor = numpy_helper.from_array(value, name)
                constants[name] = tensor
                result.graph.initializer.append(tensor)
        node.input[1], node.input[2] = names
    # Their types are others now.
    del result.graph.value_info[:]
    used = {name for node in result.graph.node for name in node.input}
    kept = [tensor for tensor in result.graph.initializer if tensor.name in used]
    del result.graph.initializer[:]
    result.graph.initializer.extend(kept)
    return onnx.shape_inference.infer_shapes(result, strict_mode=True)


def _needs_change(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> bool:
    if len(node.input) < 3 or any(name not in constants for name in node.input[1:3]):
        return False
    zero_point = numpy_helper.to_array(constants[node.input[2]])
    return bool(zero_point.dtype != np.int8 or zero_point.any())


def fold_int32_constants(model: onnx.ModelProto) -> onnx.ModelProto:
    """Compute each DequantizeLinear of an int32 constant; the others stay.

    Args:
        model: a graph with QuantizeLinear and DequantizeLinear; it is left as it is.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes, folded = [], []
    for node in model.graph.node:
        value = constants.get(node.input[0]) if node.op_type == 'DequantizeLinear' else None
        if value is None or value.data_type != TensorProto.INT32:
            nodes.append(node)
            continue
        scale, *zero_points = (numpy_helper.to_array(constants[n]) for n in node.input[1:] if n)
        integers = numpy_helper.to_array(value)
        axis = next((a.i for a in node.attribute if a.name == 'axis'), 1)
        if scale.ndim == 1 and integers.ndim > 1:
            shape = np.ones(integers.ndim, int)
            shape[axis] = -1
            scale, zero_points = scale.reshape(shape), [z.reshape(shape) for z in zero_points]
        for zero_point in zero_points:
            integers = integers - zero_point
        floats = integers.astype(np.float32) * scale
        folded.append(numpy_helper.from_array(floats.astype(np.float32), node.output[0]))
    result = onnx.ModelProto()
    result.CopyFrom(model)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del result.graph.node[:], result.graph.initializer[:]
    result.graph.node.extend(nodes)
    result.graph.initializer.extend([*kept, *folded])
    return result
