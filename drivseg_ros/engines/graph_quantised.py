# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Quantised graphs as TensorRT takes them.

onnxruntime's quantisation stores biases as int32 with a DequantizeLinear, which TensorRT refuses;
their float32 values are the same numbers.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper


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
