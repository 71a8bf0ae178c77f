# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The inside of a float32 graph in fp16 or bf16, for runtimes that take precision from the graph.

What comes before the first convolution (Cast, mean, scale) stays float32, and so does the choice
of the class behind the last one: from Softmax or Sigmoid on, or from the comparison where there
is none. There it costs nothing, and rounding would show in the masks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from drivseg_ros.errors import ModelError

_TYPES = {'fp16': TensorProto.FLOAT16, 'bf16': TensorProto.BFLOAT16}
PRECISIONS = ('fp32', *_TYPES)
"""What `convert_precision` takes."""

# Operations with weights: the first opens the region, the last one of them closes it. A MatMul
# behind the last convolution is no layer but the up-sampling of lab/exporting/graph.py.
_CLOSING = ('Conv', 'ConvTranspose', 'Gemm')
_OPENING = (*_CLOSING, 'MatMul')
# Where the choice of the class begins, if no layer follows (inside, attention and activations
# use the same operations).
_CHOOSING = (
    *('Softmax', 'LogSoftmax', 'Sigmoid', 'ArgMax', 'ArgMin', 'TopK', 'ReduceMax', 'Max'),
    *('Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'),
)
# Inputs that the specification keeps float32 (Resize: roi, scales).
_ONLY_FIRST = ('Resize', 'Upsample')
_BF16_OPSET = 22
"""The first in which Conv, ConvTranspose, pooling and others take bfloat16 (ONNX changelog)."""


def convert_precision(
    model: onnx.ModelProto, precision: str, *, keep: Collection[str] = ()
) -> onnx.ModelProto:
    """Turn the inside of a float32 graph into a half type.

    Weights beyond the range of fp16 become its largest value; scalars too small for it become
    its smallest, so that an epsilon keeps guarding its division.

    Args:
        model: a graph as model/file.py takes it; it is left as it is.
        precision: 'fp32' (a copy, unchanged), 'fp16' or 'bf16'.
        keep: types of operations that stay float32, because the runtime has no kernels for them.

    Returns:
        The model with the same inputs, outputs and metadata. bf16 raises the opset to 22.

    Raises:
        ModelError: if the precision is another one, or the graph cannot be converted: it is
            quantised, has the other half type, has branches or loops, or is not valid.
    """
    if precision not in PRECISIONS:
        raise ModelError(
            f'a graph cannot be turned into {precision!r}; {", ".join(PRECISIONS)} are possible'
        )
    if precision == 'fp32':
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        return copy
    if any(node.op_type == 'QuantizeLinear' for node in model.graph.node):
        raise ModelError(
            f'a quantised graph cannot be turned into {precision}; take the model that it was '
            "quantised from, or precision 'auto'"
        )
    try:
        opset = next(o.version for o in model.opset_import if o.domain in ('', 'ai.onnx'))
        if precision == 'bf16' and opset < _BF16_OPSET:
            model = onnx.version_converter.convert_version(model, _BF16_OPSET)
        typed = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        converted = _Conversion(typed, precision, keep).run()
        return onnx.shape_inference.infer_shapes(converted, strict_mode=True, check_type=True)
    except (
        onnx.shape_inference.InferenceError,
        onnx.version_converter.ConvertError,
        StopIteration,
    ) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ModelError(f'the graph cannot be turned into {precision}: {reason}') from None


class _Conversion:
    """One pass over a graph with known types."""

    def __init__(self, model: onnx.ModelProto, precision: str, keep: Collection[str]) -> None:
        self._model = model
        self._keep = keep
        self._precision = precision
        self._type = _TYPES[precision]
        graph = model.graph
        self._types = {
            value.name: value.type.tensor_type.elem_type
            for value in (*graph.input, *graph.value_info, *graph.output)
        }
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == 'Constant' and node.attribute[0].name == 'value':
                self._constants[node.output[0]] = node.attribute[0].t
            if any(a.type in (a.GRAPH, a.GRAPHS) for a in node.attribute):
                raise ModelError(
                    f'{node.op_type} {node.name!r} has a graph of its own, which cannot be turned '
                    f'into {precision}; export the network without branches and loops'
                )
        self._types.update({name: t.data_type for name, t in self._constants.items()})
        self._taken = {*self._types, *(name for node in graph.node for name in node.output)}
        self._half: set[str] = set()  # values that have become half
        self._kept: set[str] = set()  # outputs of the operations to keep
        self._twins: dict[tuple[str, int], str] = {}  # (value, type) -> its cast value
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []

    def run(self) -> onnx.ModelProto:
        graph = self._model.graph
        inside = _inside(graph)
        outputs = {value.name for value in graph.output}
        for index, original in enumerate(graph.node):
            node = onnx.NodeProto()
            node.CopyFrom(original)
            is_inside = index in inside
            opens = is_inside and node.op_type in _OPENING
            if opens:
                self._refuse_the_other_half(node)
            if is_inside and node.op_type in self._keep:
                self._kept.update(node.output)
                is_inside = opens = False
            if opens or (is_inside and (self._half | self._kept).intersection(node.input)):
                self._make_half(node, outputs)
            else:
                for at, name in enumerate(node.input):
                    if name in self._half:
                        node.input[at] = self._cast(name, TensorProto.FLOAT)
            self._nodes.append(node)
        converted = onnx.ModelProto()
        converted.CopyFrom(self._model)
        del converted.graph.node[:], converted.graph.value_info[:]
        used = {name for node in self._nodes for name in node.input} | outputs
        kept = [t for t in (*graph.initializer, *self._initializers) if t.name in used]
        converted.graph.node.extend(
            n for n in self._nodes if n.op_type != 'Constant' or n.output[0] in used
        )
        del converted.graph.initializer[:]
        converted.graph.initializer.extend(kept)
        return converted

    def _refuse_the_other_half(self, node: onnx.NodeProto) -> None:
        types = {self._types.get(name) for name in node.input}
        for precision, number in _TYPES.items():
            if number in types and number != self._type:
                raise ModelError(
                    f'{node.op_type} {node.name!r} is {precision} already, and cannot be turned '
                    f"into {self._precision}; take the fp32 model, or precision 'auto'"
                )

    def _make_half(self, node: onnx.NodeProto, outputs: set[str]) -> None:
        for at, name in enumerate(node.input):
            if at and node.op_type in _ONLY_FIRST:
                continue
            if self._types.get(name) == TensorProto.FLOAT and name not in self._half:
                node.input[at] = self._cast(name, self._type)
        if node.op_type == 'Cast':
            for attribute in node.attribute:
                if attribute.name == 'to' and attribute.i == TensorProto.FLOAT:
                    attribute.i = self._type
        for name in node.output:
            if self._types.get(name) == TensorProto.FLOAT:
                self._half.add(name)
                if name in outputs:
                    raise ModelError(
                        f'{name!r} is a float32 output of the graph; only graphs whose outputs '
                        'are uint8 can be converted (drivseg import makes them so)'
                    )

    def _cast(self, name: str, to: int) -> str:
        """The name of the value in the other type; a node or a constant is made for it once."""
        if (name, to) in self._twins:
            return self._twins[name, to]
        label = 'fp32' if to == TensorProto.FLOAT else self._precision
        twin = f'{name}_{label}'
        while twin in self._taken:
            twin += '_'
        self._taken.add(twin)
        self._twins[name, to] = twin
        if name in self._constants:
            array = numpy_helper.to_array(self._constants[name])
            self._initializers.append(_half_tensor(array, to, twin))
        else:
            self._nodes.append(helper.make_node('Cast', [name], [twin], name=twin, to=to))
        return twin


def _inside(graph: onnx.GraphProto) -> set[int]:
    """The indices of the nodes between the pre-processing and the choice of the class."""
    behind = _reached(graph, (v.name for v in graph.input), _OPENING)
    followed: set[str] = set()  # values that a layer is computed from
    choosing: set[int] = set()
    for index in range(len(graph.node) - 1, -1, -1):
        node = graph.node[index]
        if followed.isdisjoint(node.output):
            if node.op_type in _CHOOSING:
                choosing.add(index)
            if node.op_type not in _CLOSING:
                continue
        followed.update(node.input)
    chosen: set[str] = set()
    for index, node in enumerate(graph.node):
        if index in choosing or not chosen.isdisjoint(node.input):
            choosing.add(index)
            chosen.update(node.output)
    return behind - choosing


def _reached(graph: onnx.GraphProto, inputs: Iterable[str], openers: tuple[str, ...]) -> set[int]:
    """The nodes that are, or are computed from, an opener that is computed from the inputs."""
    values, opened = set(inputs), set[str]()
    reached = set()
    for index, node in enumerate(graph.node):
        if values.isdisjoint(node.input):
            continue
        values.update(node.output)
        if node.op_type in openers or not opened.isdisjoint(node.input):
            reached.add(index)
            opened.update(node.output)
    return reached


def _half_tensor(array: np.ndarray, to: int, name: str) -> onnx.TensorProto:
    if to == TensorProto.FLOAT16:
        limits = np.finfo(np.float16)
        finite = np.isfinite(array)
        array = np.where(finite, np.clip(array, limits.min, limits.max), array)
        if array.size == 1 and array.item() != 0:
            least = np.copysign(np.float32(limits.smallest_subnormal), array)
            array = np.where(np.abs(array) < np.abs(least), least, array)
        return numpy_helper.from_array(array.astype(np.float16), name)
    # bf16 is the upper half of float32, here rounded to the nearest, halves to even. numpy does
    # not have it, and what onnx takes in its place differs between versions.
    bits = np.ascontiguousarray(array, '<f4').view('<u4')
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    upper = np.where(np.isnan(array), bits >> 16 | 0x40, rounded).astype('<u2')
    return onnx.TensorProto(name=name, data_type=to, dims=array.shape, raw_data=upper.tobytes())
