# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What quantisation needs to know of a graph: its convolutions, and who reads what."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx
from onnx import numpy_helper

_MIN_OPSET = 13  # the first whose DequantizeLinear has a scale for each channel

# f(k x) = k f(x) for every k > 0.
_HOMOGENEOUS = ('Relu', 'PRelu', 'LeakyRelu')
_NEVER_NEGATIVE = ('Relu', 'Sigmoid', 'Softmax', 'HardSigmoid')
# Never negative if what they read is not: the first of their inputs (the others say shapes and the
# like), or all of them.
_PASS_ON = ('Identity', 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Slice', 'Split')
_COMBINE = ('Concat', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'Add', 'Mul', 'MatMul')


@dataclass(frozen=True)
class Convolution:
    """A convolution with constant weights, and the ReLU behind it where there is one.

    Attributes:
        output: the tensor that the Conv writes; it names the layer.
        source: the tensor that it reads.
        result: the tensor behind the ReLU, or `output`.
        weight: name of the constant [out, in / group, ...].
        bias: name of the constant [out], or ''.
        group: 1, or the number of groups.
    """

    output: str
    source: str
    result: str
    weight: str
    bias: str
    group: int


class Graph:
    """A graph with its connections; constants can be replaced, connections cannot.

    Args:
        model: the model; it is left as it is.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        graph = self.model.graph
        self.producers = {name: node for node in graph.node for name in node.output}
        self.consumers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self.consumers.setdefault(name, []).append(node)
        self.outputs = {value.name for value in graph.output}
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._never_negative: dict[str, bool] = {}

    @property
    def is_quantised(self) -> bool:
        """Whether anything in it is int8 already."""
        return any(node.op_type == 'DequantizeLinear' for node in self.model.graph.node)

    @property
    def has_branches(self) -> bool:
        """Whether it has inner graphs, whose readers are not seen here."""
        kinds = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
        return any(a.type in kinds for node in self.model.graph.node for a in node.attribute)

    @property
    def opset(self) -> int:
        """The version of ONNX's own operators that it is written in."""
        versions = [o.version for o in self.model.opset_import if o.domain in ('', 'ai.onnx')]
        return max(versions, default=0)

    @property
    def can_be_quantised(self) -> bool:
        """Whether its opset has what quantisation writes."""
        return self.opset >= _MIN_OPSET

    @cached_property
    def convolutions(self) -> list[Convolution]:
        """The convolutions that can be quantised, in the order of the graph."""
        found = []
        for node in self.model.graph.node:
            if node.op_type != 'Conv' or not self.is_constant(node.input[1]):
                continue
            bias = node.input[2] if len(node.input) > 2 else ''
            if bias and not self.is_constant(bias):
                continue
            follower = self.only_consumer(node.output[0])
            has_relu = follower is not None and follower.op_type == 'Relu'
            found.append(
                Convolution(
                    output=node.output[0],
                    source=node.input[0],
                    result=follower.output[0] if follower and has_relu else node.output[0],
                    weight=node.input[1],
                    bias=bias,
                    group=next((a.i for a in node.attribute if a.name == 'group'), 1),
                )
            )
        return found

    @cached_property
    def outermost(self) -> set[str]:
        """The first and the last convolutions: those with none before, or none behind them.

        They stay in float. The first ones are cheap, and read an image whose levels 8 bits
        would blur; what the last ones write is compared to choose the class.
        """
        layers = [c.output for c in self.convolutions]
        first = {n for n in layers if not self._meets_convolution(n, self._sources)}
        last = {n for n in layers if not self._meets_convolution(n, self._results)}
        return first | last

    def is_constant(self, name: str) -> bool:
        """Whether a tensor is an initialiser."""
        return name in self._constants

    def constant(self, name: str) -> np.ndarray:
        """The value of an initialiser."""
        return numpy_helper.to_array(self._constants[name])

    def replace_constant(self, name: str, value: np.ndarray) -> None:
        """Gives an initialiser another value."""
        value = np.ascontiguousarray(value, np.float32)
        self._constants[name].CopyFrom(numpy_helper.from_array(value, name))

    def only_consumer(self, name: str) -> onnx.NodeProto | None:
        """The node that reads a tensor, if it is the only one and the tensor is no output."""
        consumers = self.consumers.get(name, [])
        return consumers[0] if len(consumers) == 1 and name not in self.outputs else None

    def behind_activation(self, convolution: Convolution) -> str:
        """The tensor behind a convolution's ReLU, PReLU or leaky ReLU, or its output."""
        follower = self.only_consumer(convolution.output)
        if follower is not None and follower.op_type in _HOMOGENEOUS:
            return follower.output[0]
        return convolution.output

    def is_never_negative(self, name: str) -> bool:
        """Whether a tensor holds no negative value, whatever the image."""
        if name not in self._never_negative:
            self._never_negative[name] = self._find_sign(name)
        return self._never_negative[name]

    def _find_sign(self, name: str) -> bool:
        if self.is_constant(name):
            return bool((self.constant(name) >= 0).all())
        node = self.producers.get(name)
        if node is None:
            return False
        if node.op_type in _PASS_ON:
            return self.is_never_negative(node.input[0])
        if node.op_type in _COMBINE:
            return all(self.is_never_negative(n) for n in node.input)
        return node.op_type in _NEVER_NEGATIVE

    def _meets_convolution(
        self, start: str, neighbours: Callable[[str], Iterable[tuple[str, bool]]]
    ) -> bool:
        waiting, seen = [start], {start}
        while waiting:
            for name, is_convolution in neighbours(waiting.pop()):
                if is_convolution:
                    return True
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
        return False

    def _sources(self, name: str) -> Iterable[tuple[str, bool]]:
        node = self.producers.get(name)
        for source in node.input if node else ():
            producer = self.producers.get(source)
            yield source, producer is not None and _convolves(producer)

    def _results(self, name: str) -> Iterable[tuple[str, bool]]:
        for node in self.consumers.get(name, []):
            for result in node.output:
                yield result, _convolves(node)


def _convolves(node: onnx.NodeProto) -> bool:
    return node.op_type in ('Conv', 'ConvTranspose')
