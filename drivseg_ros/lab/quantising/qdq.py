# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes int8 into a graph: QuantizeLinear and DequantizeLinear where the integers are.

The forms are those that onnxruntime's CPU kernels take without going back to float (seen in its
profiles): activations are uint8 throughout, because a convolution's input and output must have
one type there, with the zero point 0 behind a ReLU, which the clipping at 0 then replaces, and 128
elsewhere. Weights keep to 7 of their 8 bits: CPUs without VNNI add up pairs of products in 16 bits,
which 2 x 255 x 127 overflows and 2 x 255 x 64 does not, so the masks are the same on every x86 CPU.
TensorRT gets another form (engines/graph_symmetric.py).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx
from onnx import helper, numpy_helper

from drivseg_ros.lab.quantising.calibration import Observed
from drivseg_ros.lab.quantising.graph import Convolution, Graph

_LEVELS = 127  # of a symmetric range, on either side
_WEIGHT_LEVELS = 64
_BIAS_LIMIT = 2**30  # half of int32
_DEAD = 1e-6  # of the largest scale of a layer
_NOTHING = 1e-15  # a scale; the product of two is still a normal float32


def write_int8(
    graph: Graph, observed: dict[str, Observed], layers: Collection[str]
) -> onnx.ModelProto:
    """A copy of the graph in which some convolutions compute with integers.

    Args:
        graph: the network in float.
        observed: by tensor; inputs and results of the layers.
        layers: outputs of the convolutions to quantise; the others stay in float.
    """
    return _Writer(graph, observed, set(layers)).run()


class _Writer:
    def __init__(self, graph: Graph, observed: dict[str, Observed], layers: set[str]) -> None:
        self._graph = graph
        self._observed = observed
        self._layers = {c.output: c for c in graph.convolutions if c.output in layers}
        self._results = {c.result for c in self._layers.values()}
        self._quantised = self._results | {c.source for c in self._layers.values()}
        self._scales: dict[str, float] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def run(self) -> onnx.ModelProto:
        for original in self._graph.model.graph.node:
            node = onnx.NodeProto()
            node.CopyFrom(original)
            layer = self._layers.get(node.output[0])
            for i, name in enumerate(node.input):
                # What int8 layers wrote is read as integers by everybody; another tensor as
                # float by those who compute in float.
                if name in self._scales and (name in self._results or (layer and i == 0)):
                    node.input[i] = f'{name}_dequantised'
            if layer:
                self._quantise_weights(node, layer)
            self._nodes.append(node)
            for name in node.output:
                if name in self._quantised:
                    self._quantise_tensor(name)
        return self._assemble()

    def _quantise_tensor(self, name: str) -> None:
        low, high = self._observed[name].bounds
        if self._graph.is_never_negative(name):
            scale, zero_point = high / (2 * _LEVELS + 1), 0
        else:
            scale, zero_point = max(high, -low) / _LEVELS, _LEVELS + 1
        # A tensor that is 0 on every frame; any scale will do.
        scale = float(np.float32(scale)) if scale > _NOTHING else 1.0
        self._scales[name] = scale
        read = [f'{name}_scale', f'{name}_zero']
        self._add(read[0], np.float32(scale))
        self._add(read[1], np.uint8(zero_point))
        integers, floats = f'{name}_quantised', f'{name}_dequantised'
        for op_type, source, result in (
            ('QuantizeLinear', name, integers),
            ('DequantizeLinear', integers, floats),
        ):
            self._nodes.append(
                helper.make_node(op_type, [source, *read], [result], name=f'{result}_node')
            )

    def _quantise_weights(self, node: onnx.NodeProto, layer: Convolution) -> None:
        """int8 weights with a scale for every output channel; int32 biases in their scale."""
        weight = self._graph.constant(layer.weight)
        channels = len(weight)
        bias = self._graph.constant(layer.bias) if layer.bias else np.zeros(channels, np.float32)
        source = self._scales[layer.source]
        scales = (
            np.abs(weight.reshape(channels, -1)).max(axis=1).astype(np.float64) / _WEIGHT_LEVELS
        )
        # A channel with next to no weights and a bias: the bias must fit into its integer.
        scales = np.maximum(scales, np.abs(bias) / (source * _BIAS_LIMIT))
        scales = np.maximum(scales, _DEAD * scales.max())
        scales = np.where(scales > _NOTHING, scales, 1.0).astype(np.float32)
        shape = (channels, *([1] * (weight.ndim - 1)))
        integers = np.rint(weight / scales.reshape(shape)).clip(-_WEIGHT_LEVELS, _WEIGHT_LEVELS)
        bias_scales = (np.float32(source) * scales).astype(np.float32)
        node.input[1] = self._dequantise(f'{node.output[0]}_weight', integers, scales, np.int8)
        bias_name = self._dequantise(
            f'{node.output[0]}_bias', np.rint(bias / bias_scales), bias_scales, np.int32
        )
        if len(node.input) > 2:
            node.input[2] = bias_name
        else:
            node.input.append(bias_name)

    def _dequantise(
        self, name: str, integers: np.ndarray, scales: np.ndarray, dtype: type[np.signedinteger]
    ) -> str:
        self._add(f'{name}_quantised', integers.astype(dtype))
        self._add(f'{name}_scale', scales)
        self._add(f'{name}_zero', np.zeros(len(scales), dtype))
        self._nodes.append(
            helper.make_node(
                'DequantizeLinear',
                [f'{name}_quantised', f'{name}_scale', f'{name}_zero'],
                [f'{name}_dequantised'],
                name=f'{name}_dequantised_node',
                axis=0,
            )
        )
        return f'{name}_dequantised'

    def _add(self, name: str, value: np.ndarray | np.generic) -> None:
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))

    def _assemble(self) -> onnx.ModelProto:
        result = onnx.ModelProto()
        result.CopyFrom(self._graph.model)
        used = {name for node in self._nodes for name in node.input}
        kept = [t for t in result.graph.initializer if t.name in used]
        del result.graph.node[:], result.graph.initializer[:]
        result.graph.node.extend(self._nodes)
        result.graph.initializer.extend([*kept, *self._constants])
        return onnx.shape_inference.infer_shapes(result, strict_mode=True, check_type=True)
