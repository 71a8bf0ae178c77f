# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How large a graph is once its functions are put in: a few that double each other have no end.

Runtimes put them in when they load a network. The fields are those of onnx.proto3, read as in
onnx_classes.py.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from drivseg_ros.errors import ModelError
from drivseg_ros.model.onnx_classes import read_fields

MAX_NODES = 10_000
"""Networks for pictures have some thousands, and few of them functions."""
_MODEL_GRAPH, _MODEL_FUNCTION, _GRAPH_NODE = 7, 25, 1
_FUNCTION_NAME, _FUNCTION_NODE, _FUNCTION_DOMAIN = 1, 7, 10
_NODE_OP_TYPE, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_GRAPHS = (6, 11)
_MAX_DEPTH = 100

Operation = tuple[bytes, bytes]


def refuse_endless_functions(path: Path, model: bytes) -> None:
    """Refuses a network whose functions stand for more nodes than any has.

    Args:
        path: the file, for the error.
        model: its bytes.

    Raises:
        ModelError: if they do, or call themselves.
    """
    try:
        parts = list(read_fields(memoryview(model)))
        functions = {
            _name(value, _FUNCTION_DOMAIN, _FUNCTION_NAME): _nodes(value, _FUNCTION_NODE, 0)
            for number, value in parts
            if number == _MODEL_FUNCTION
        }
        graph: Counter[Operation] = Counter()
        for number, value in parts if functions else ():
            if number == _MODEL_GRAPH:
                graph += _nodes(value, _GRAPH_NODE, 0)
    except (LookupError, ValueError, OverflowError):
        return  # whoever reads it reports that
    if _size(graph, functions, {}, ()) > MAX_NODES:
        raise ModelError(
            f'{path} has functions that stand for more than {MAX_NODES} nodes, or call themselves; '
            'no network does: check where it comes from'
        )


def _size(
    called: Counter[Operation],
    functions: dict[Operation, Counter[Operation]],
    known: dict[Operation, int],
    above: tuple[Operation, ...],
) -> int:
    """The number of nodes, all functions put in; more than MAX_NODES if it has no end."""
    size = 0
    for operation, times in called.items():
        if operation not in functions:
            size += times
            continue
        if operation in above or len(above) > _MAX_DEPTH:
            return MAX_NODES + 1
        if operation not in known:
            inside = (*above, operation)
            known[operation] = _size(functions[operation], functions, known, inside)
        size += times * known[operation]
    return size


def _nodes(data: memoryview, field: int, depth: int) -> Counter[Operation]:
    """What the nodes of a graph or function are, those of graphs inside included."""
    found: Counter[Operation] = Counter()
    if depth > _MAX_DEPTH:
        raise ValueError('it is nested too deeply')
    for number, node in read_fields(data):
        if number != field:
            continue
        found[_name(node, _NODE_DOMAIN, _NODE_OP_TYPE)] += 1
        for part, attribute in read_fields(node):
            if part == _NODE_ATTRIBUTE:
                for kind, graph in read_fields(attribute):
                    if kind in _ATTRIBUTE_GRAPHS:
                        found += _nodes(graph, _GRAPH_NODE, depth + 1)
    return found


def _name(data: memoryview, domain: int, name: int) -> Operation:
    fields = dict(read_fields(data))
    return bytes(fields.get(domain, b'')), bytes(fields.get(name, b''))
