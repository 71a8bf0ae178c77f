# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Adds operations to a graph, one line each."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 17
"""What new graphs are written in, and older ones raised to: known to onnxruntime from 1.12,
OpenVINO from 2022.3 and TensorRT from 8.6."""


class GraphBuilder:
    """Collects nodes and constants under names that begin with a prefix.

    Args:
        prefix: of all names given here.
        opset: the graph's.
    """

    def __init__(self, prefix: str, *, opset: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._prefix = prefix
        self._opset = opset
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """A constant tensor; equal ones are stored once."""
        array = np.asarray(value, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = f'{self._prefix}constant_{len(self._constants)}'
            self._constants[key] = name
            self.initializers.append(numpy_helper.from_array(array, name))
        return self._constants[key]

    def add(self, op_type: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Adds an operation with one output, and gives that output's name."""
        name = output or f'{self._prefix}{op_type}_{len(self.nodes)}'
        node = helper.make_node(op_type, list(inputs), [name], name=name, **attributes)
        self.nodes.append(node)
        return name

    def reduce_max(self, value: str, *, axis: int) -> str:
        """The highest value along an axis, which stays with size 1."""
        if self._opset < 18:  # the axes were an attribute
            return self.add('ReduceMax', value, axes=[axis], keepdims=1)
        return self.add('ReduceMax', value, self.constant([axis], np.int64), keepdims=1)

    def split(self, value: str, parts: int, *, axis: int) -> list[str]:
        """Splits a tensor into parts of size 1."""
        if parts == 1:
            return [value]
        name = f'{self._prefix}Split_{len(self.nodes)}'
        outputs = [f'{name}_{i}' for i in range(parts)]
        sizes = self.constant([1] * parts, np.int64)
        self.nodes.append(helper.make_node('Split', [value, sizes], outputs, name=name, axis=axis))
        return outputs
