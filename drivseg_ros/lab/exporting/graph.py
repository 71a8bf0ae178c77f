# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tidying of exported ONNX graphs: constants become initialisers, each kept once."""

from __future__ import annotations

import onnx
from onnx import numpy_helper


def inline_constants(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove Constant nodes and Identities of constants; equal constants are stored once.

    torch's exporter writes one Identity for every tensor that occurs twice, and one Constant for
    every use. As initialisers they cost no node, and nothing stands before the first operation
    on the image.
    """
    graph = model.graph  # left as it is, but for the names its nodes read
    values = {tensor.name: tensor for tensor in graph.initializer}
    renamed: dict[str, str] = {}
    nodes = []
    for node in graph.node:
        if node.op_type == 'Constant' and node.attribute[0].name == 'value':
            tensor = onnx.TensorProto()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
            values[tensor.name] = tensor
        elif node.op_type == 'Identity' and renamed.get(node.input[0], node.input[0]) in values:
            renamed[node.output[0]] = renamed.get(node.input[0], node.input[0])
        else:
            nodes.append(node)
    stored: dict[tuple[int, tuple[int, ...], bytes], str] = {}
    for name, tensor in values.items():
        content = numpy_helper.to_array(tensor)
        key = (tensor.data_type, tuple(tensor.dims), content.tobytes())
        first = stored.setdefault(key, name)
        if first != name:
            renamed[name] = first
    for node in nodes:
        for index, name in enumerate(node.input):
            while name in renamed:
                name = renamed[name]
            node.input[index] = name
    used = {name for node in nodes for name in node.input}
    kept = [values[name] for name in stored.values() if name in used]
    tidy = onnx.ModelProto()
    tidy.CopyFrom(model)
    del tidy.graph.node[:], tidy.graph.initializer[:]
    tidy.graph.node.extend(nodes)
    tidy.graph.initializer.extend(kept)
    return tidy
