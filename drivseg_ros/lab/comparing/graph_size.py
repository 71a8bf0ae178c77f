# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How large the network in a model file is, and how much it computes, read off its graph.

For networks of which there is only the file; of a checkpoint, networks/complexity.py counts the
network itself. A batch norm that was folded into a convolution counts as its bias.

onnx-tool 1.0 was tried: it counts biases, activations and resizing among the operations (3 to 17 %
more than the literature on our files), and every constant among the parameters, such as the
matrices that our exports resize by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import MissingDependencyError
from drivseg_ros.lab.importing.proof import Runner
from drivseg_ros.model.file import INPUT_NAME, read_model_file

try:
    import onnx
    from onnx import numpy_helper
except ImportError:
    raise MissingDependencyError(
        'counting the parameters of a model file needs onnx, which is not installed: '
        f'{install_hint("models")}'
    ) from None

# By operator, the inputs that are learned where they are constant.
_LEARNED = {
    'Conv': (1, 2),
    'ConvTranspose': (1, 2),
    'Gemm': (1, 2),
    'MatMul': (0, 1),
    'Add': (0, 1),
    'BatchNormalization': (1, 2),
    'InstanceNormalization': (1, 2),
    'LayerNormalization': (1, 2),
    'PRelu': (1,),
}
_CONVOLUTIONS = ('Conv', 'ConvTranspose')
_PRODUCTS = ('MatMul', 'Gemm')
# Between a constant and the operator that uses it: casts, and the weights of int8 files.
_SEEN_THROUGH = ('Cast', 'DequantizeLinear', 'Identity', 'QuantizeLinear', 'Reshape', 'Transpose')


@dataclass(frozen=True)
class GraphSize:
    """The size of a network.

    Attributes:
        parameters: learned values.
        gmacs: multiply-accumulate operations for one image, in 10^9: convolutions and matrix
            products.
    """

    parameters: int
    gmacs: float


def measure_graph(path: Path) -> GraphSize:
    """Counts a model file's parameters and operations for one image.

    Raises:
        ModelError: if it is no model file of ours.
    """
    file = read_model_file(path)
    batch = file.batch or 1
    images = np.zeros((batch, file.card.input_height, file.card.input_width, 3), np.uint8)
    graph = _Graph(onnx.load(path), images)
    return GraphSize(graph.parameters(), graph.gmacs() / batch)


class _Graph:
    def __init__(self, model: onnx.ModelProto, images: np.ndarray) -> None:
        self._nodes = list(model.graph.node)
        self._constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
        self._made_by: dict[str, onnx.NodeProto] = {}
        for node in self._nodes:
            if node.op_type == 'Constant' and node.attribute[0].name == 'value':
                self._constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            self._made_by |= dict.fromkeys(node.output, node)
        self._shapes = self._run(model, images)

    def parameters(self) -> int:
        """The number of learned values."""
        sizes: dict[str, int] = {}
        for node in self._nodes:
            for place in _LEARNED.get(node.op_type, ()):
                if place < len(node.input):
                    name, array = self._constant(node.input[place])
                    if array is not None and _is_learned(node.op_type, array):
                        sizes[name] = array.size
        return sum(sizes.values())

    def gmacs(self) -> float:
        """10^9 multiply-accumulate operations."""
        total = 0
        for node in self._nodes:
            if node.op_type in _CONVOLUTIONS:
                weight = self._shapes[node.input[1]]
                total += math.prod(self._shapes[_met(node)]) * math.prod(weight[1:])
            elif node.op_type in _PRODUCTS:
                turned = any(one.name == 'transA' and one.i for one in node.attribute)
                inner = self._shapes[node.input[0]][0 if turned else -1]
                total += math.prod(self._shapes[node.output[0]]) * inner
        return total / 1e9

    def _run(self, model: onnx.ModelProto, images: np.ndarray) -> dict[str, tuple[int, ...]]:
        """The shapes of all values that `gmacs` looks at, from a run: graphs rarely name all."""
        wanted = {
            name
            for node in self._nodes
            if node.op_type in (*_CONVOLUTIONS, *_PRODUCTS)
            for name in (*node.input[:2], node.output[0])
        }
        shapes = {name: self._constants[name].shape for name in wanted & self._constants.keys()}
        open_ones = sorted(wanted - shapes.keys())
        shown = onnx.ModelProto()
        shown.CopyFrom(model)
        there = {value.name for value in (*shown.graph.output, *shown.graph.input)}
        shown.graph.output.extend(
            onnx.ValueInfoProto(name=name) for name in open_ones if name not in there
        )
        runner = Runner(shown, 'the network')
        arrays = runner.run({INPUT_NAME: images}, open_ones) if open_ones else []
        for name, array in zip(open_ones, arrays, strict=True):
            shapes[name] = array.shape
        return shapes

    def _constant(self, name: str) -> tuple[str, np.ndarray | None]:
        """The constant behind a value, by its own name, if there is one."""
        while name not in self._constants:
            node = self._made_by.get(name)
            if node is None or node.op_type not in _SEEN_THROUGH:
                return name, None
            name = node.input[0]
        return name, self._constants[name]


def _met(node: onnx.NodeProto) -> str:
    """The map each of whose elements meets a filter: the output, or, transposed, the input."""
    return node.output[0] if node.op_type == 'Conv' else node.input[0]


def _is_learned(operator: str, array: np.ndarray) -> bool:
    """Whether a constant is a weight, and not a resampling matrix or a single number.

    Interpolation and pooling are products with fixed matrices in our exports (networks/layers.py):
    nothing negative, and all rows, or all columns, sum to 1.
    """
    if operator == 'Add':
        return array.ndim == 1 and array.size > 1
    if operator == 'MatMul' and array.ndim == 2 and (array >= 0).all():
        sums = (array.sum(0), array.sum(1))
        return not any(np.allclose(one, 1, atol=1e-4) for one in sums)
    return True
