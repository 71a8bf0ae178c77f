# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network's graph, cut down to what is used, under names that cannot meet ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import onnx
from onnx import compose

NAMESPACE = 'network/'
"""Before every name of the imported graph."""


def tidy(model: onnx.ModelProto, outputs: Sequence[str]) -> onnx.ModelProto:
    """The part of a graph that some outputs need.

    Heads that nobody uses go, and with them what only they need. Constant nodes become
    initialisers, so that the first operation in the file is one on the image.

    Args:
        model: the graph; it is left as it is.
        outputs: the outputs that stay, in this order.

    Returns:
        A graph with all names prefixed by NAMESPACE.
    """
    tidied = onnx.ModelProto()
    tidied.CopyFrom(model)
    graph = tidied.graph
    nodes = keep_needed(graph.node, outputs)
    values = {value.name: value for value in graph.output}
    kept_outputs = [values[name] for name in outputs]
    del graph.node[:], graph.output[:], graph.value_info[:]
    for node in nodes:
        if node.op_type == 'Constant' and [a.name for a in node.attribute] == ['value']:
            tensor = graph.initializer.add()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
        else:
            graph.node.append(node)
    graph.output.extend(kept_outputs)
    used = {name for node in graph.node for name in _inputs(node)} | set(outputs)
    weights = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(weights)
    del tidied.metadata_props[:]
    return compose.add_prefix(tidied, NAMESPACE)


def keep_needed(nodes: Iterable[onnx.NodeProto], outputs: Iterable[str]) -> list[onnx.NodeProto]:
    """The nodes that some values need, in their old order (ONNX keeps producers first)."""
    wanted = set(outputs)
    kept = []
    for node in reversed(list(nodes)):
        if wanted.intersection(node.output):
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            kept.append(copy)
            wanted.update(_inputs(node))
    return kept[::-1]


def _inputs(node: onnx.NodeProto) -> set[str]:
    """What a node reads, also inside its branches and loops."""
    names = set(node.input)
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                names |= _inputs(inner)
            names.update(value.name for value in graph.output)
    return names
