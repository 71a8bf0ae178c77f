# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Batch normalisations folded into the convolutions before them, which saves their run time."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import numpy_helper

_CONVOLUTIONS = ('Conv', 'ConvTranspose')


def fold_batch_norms(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which no batch normalisation directly follows a convolution it can be folded into.

    It can be where nobody else reads the convolution's output and all weights are constants.
    """
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    graph = folded.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == 'Constant' and node.attribute[0].name == 'value':
            constants[node.output[0]] = node.attribute[0].t
    makers = {node.output[0]: node for node in graph.node if node.op_type in _CONVOLUTIONS}
    readers = Counter(name for node in graph.node for name in node.input)
    readers.update(value.name for value in graph.output)
    kept = []
    for node in graph.node:
        conv = makers.get(node.input[0]) if node.op_type == 'BatchNormalization' else None
        if conv is None or readers[node.input[0]] != 1 or not _is_plain(node):
            kept.append(node)
            continue
        names = [*node.input[1:], *(name for name in conv.input[1:] if name)]
        if any(name not in constants for name in names):
            kept.append(node)
            continue
        for tensor, at in zip(_fold(conv, node, constants), (1, 2), strict=True):
            constants[tensor.name] = tensor
            graph.initializer.append(tensor)
            del conv.input[at:]
            conv.input.append(tensor.name)
        conv.output[0] = node.output[0]
        makers[node.output[0]] = conv
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_unused(graph)
    return folded


def _is_plain(node: onnx.NodeProto) -> bool:
    """Whether it is in evaluation mode: one output, and statistics that are given."""
    training = any(a.name == 'training_mode' and a.i for a in node.attribute)
    return not training and len(node.output) == 1


def _fold(
    conv: onnx.NodeProto, node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]
) -> tuple[onnx.TensorProto, onnx.TensorProto]:
    """The convolution's new weight and bias."""
    weight = numpy_helper.to_array(constants[conv.input[1]])
    scale, shift, mean, variance = (
        numpy_helper.to_array(constants[name]).astype(np.float64) for name in node.input[1:]
    )
    epsilon = next((a.f for a in node.attribute if a.name == 'epsilon'), 1e-5)
    factor = scale / np.sqrt(variance + epsilon)
    bias = np.zeros_like(factor)
    if len(conv.input) > 2 and conv.input[2]:
        bias = numpy_helper.to_array(constants[conv.input[2]]).astype(np.float64)
    if conv.op_type == 'Conv':
        scaled = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
    else:  # [inputs, outputs of a group, ...], the inputs group by group
        groups = next((a.i for a in conv.attribute if a.name == 'group'), 1)
        grouped = weight.reshape(groups, -1, *weight.shape[1:])
        per_group = factor.reshape(groups, 1, -1, *[1] * (weight.ndim - 2))
        scaled = (grouped * per_group).reshape(weight.shape)
    stem = node.output[0]
    return (
        numpy_helper.from_array(scaled.astype(weight.dtype), f'{stem}/folded_weight'),
        numpy_helper.from_array(
            ((bias - mean) * factor + shift).astype(weight.dtype), f'{stem}/folded_bias'
        ),
    )


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    used.update(value.name for value in graph.output)
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    kept = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in kept]
    del graph.initializer[:]
    graph.initializer.extend(kept)
