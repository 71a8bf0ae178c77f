# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What TensorRT's parser and builder say, in one sentence that names the node.

Their own texts carry C++ files, functions and dumps of tensors; the builder's log keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

_MAX_REASON = 200

# By the names of trt.ErrorCode, where the description is but the text of an assertion.
_BY_CODE = {
    'UNSUPPORTED_NODE': 'TensorRT does not have this operation, or not in this form',
    'UNSUPPORTED_NODE_ATTR': 'TensorRT does not have this operation with these attributes',
    'UNSUPPORTED_NODE_INPUT': 'TensorRT does not have this operation with these inputs',
    'UNSUPPORTED_NODE_DATATYPE': 'TensorRT does not have this operation with this data type',
    'UNSUPPORTED_NODE_DYNAMIC': 'TensorRT does not have this operation with dynamic shapes',
    'UNSUPPORTED_NODE_SHAPE': 'TensorRT does not have this operation with this shape',
    'UNSUPPORTED_GRAPH': 'TensorRT cannot run a graph of this form',
    'INVALID_NODE': 'the node is not valid',
    'INVALID_GRAPH': 'the graph is not valid',
    'MODEL_DESERIALIZE_FAILED': 'the file is no ONNX',
    'MEM_ALLOC_FAILED': 'memory ran out',
}

# "[type.cpp:186: infer_type]", "(In generateForCurrent at /src/x.cpp:221", "file.cpp:140:", ...
_SOURCE_PLACES = (
    re.compile(r'\[[^\[\]]*\.(?:cpp|h|cu)[^\[\]]*\]\s*'),
    re.compile(r'\(?In \S+ at \S+\.(?:cpp|h|cu):\d+\s*'),
    re.compile(r'\S+\.(?:cpp|h|cu):\d+:?\s*'),
    re.compile(r'I?[A-Za-z]+::[A-Za-z0-9_:]+:\s*'),
    re.compile(r'(?:Internal )?Error Code \d+:\s*'),
    re.compile(r'Assertion failed: .*?(?<!:):(?!:)\s+'),
    re.compile(r'In function \w+:?\s*'),
)
# Only the first line of some errors names the node, and the next one the reason.
_HEADING = re.compile(r'^Invalid Node - .*\n')
# A dump of operands begins at the first of these.
_DUMPS = re.compile(r'\s*(?::\s+\d+:\s|\{|\|| \[|__mye|<entry>)')


def explain_parser_error(error: Any) -> str:
    """One sentence about a `trt.ParserError`."""
    code = getattr(error.code(), 'name', '')
    description = error.desc()
    if 'zero point' in description.lower():
        description = 'TensorRT takes symmetric quantisation (zero point 0) only'
    quoted = re.findall(r'"([^"]+)"', description)
    reason = shorten(quoted[-1] if quoted else description)
    if ' ' not in reason or re.search(r'==|&&|\|\||::|->', reason):  # the text of an assertion
        reason = _BY_CODE.get(code, f'the parser refuses it ({code or "no reason given"})')
    if error.node() < 0 and not error.node_operator():
        return reason
    return f'{_node(error.node_name(), error.node_operator(), error.node())}: {reason}'


def explain_builder_error(lines: Sequence[str], nodes: Iterable[tuple[str, str]]) -> str:
    """One sentence about a build that gave no plan.

    Args:
        lines: what the builder logged as errors, in order.
        nodes: names and types of the graph's nodes.
    """
    if not lines:
        return 'the builder gave no plan, and no reason'
    text = lines[-1]
    # The node comes first, its operands afterwards; of '/a' and '/a/b', the longer name is meant.
    named = min(
        ((name, kind) for name, kind in nodes if len(name) > 1 and name in text),
        key=lambda node: (text.index(node[0]), -len(node[0])),
        default=None,
    )
    reason = shorten(text)
    return reason if named is None else f'{_node(*named, -1)}: {reason}'


def shorten(text: str) -> str:
    """The first sentence of a message, without places in source files and dumps."""
    lines = _HEADING.sub('', text.strip()).splitlines()
    text = lines[0] if lines else ''
    for pattern in _SOURCE_PLACES:
        text = pattern.sub('', text)
    dump = _DUMPS.search(text)
    if dump and dump.start() > 0:
        text = text[: dump.start()]
    text = re.split(r'\.\s+(?=[A-Z])', text)[0]
    text = re.sub(r'[\s.]+\)', ')', text)
    text = re.sub(r'\s+', ' ', text).strip(' :;,.')
    text += ')' * (text.count('(') - text.count(')'))
    while text.endswith(')') and text.count(')') > text.count('('):
        text = text[:-1]
    return text if len(text) <= _MAX_REASON else text[: _MAX_REASON - 3].rpartition(' ')[0] + '...'


def _node(name: str, kind: str, number: int) -> str:
    label = repr(name) if name else f'number {number}'
    return f'node {label} ({kind})' if kind else f'node {label}'
