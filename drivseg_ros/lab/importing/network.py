# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Somebody else's network as it is found: its graph, inputs and outputs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto

from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.graph_builder import OPSET
from drivseg_ros.model.onnx_functions import refuse_endless_functions

MIN_OPSET = 13
"""From here on the operations that are put round the graph have the form they have today."""
_MIN_IR_VERSION = 8


@dataclass(frozen=True)
class Tensor:
    """An input or output.

    Attributes:
        name: its name.
        type: its element type, a TensorProto.DataType.
        shape: its sizes; None where the network leaves one free; () where nothing is noted.
    """

    name: str
    type: int
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        sizes = ', '.join('any' if size is None else str(size) for size in self.shape)
        known = self.type in TensorProto.DataType.values()
        kind = TensorProto.DataType.Name(self.type).lower() if known else f'type {self.type}'
        return f'{self.name!r} {kind} [{sizes}]'


@dataclass(frozen=True, eq=False)
class Network:
    """A network's graph, of opset 13 or newer, its weights inside.

    Attributes:
        model: the graph; it is not changed.
        path: where it came from.
        sha256: of the file (of an IR: of the .xml, then the .bin).
        format: 'ONNX' or 'OpenVINO IR'.
    """

    model: onnx.ModelProto
    path: Path
    sha256: str
    format: str

    @property
    def opset(self) -> int:
        """The version of ONNX' own operations."""
        return opset_of(self.model)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The inputs, without the weights that old files list among them."""
        return _inputs(self.model)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The outputs."""
        return tuple(_tensor(value) for value in self.model.graph.output)

    def pick_input(self, name: str | None) -> Tensor:
        """The input of a name, or the only one.

        Raises:
            ModelError: if there is none of that name, or no name is given and there are several.
        """
        return self._pick('input', self.inputs, name)

    def pick_output(self, name: str | None) -> Tensor:
        """The output of a name, or the only one.

        Raises:
            ModelError: as `pick_input`.
        """
        return self._pick('output', self.outputs, name)

    def _pick(self, what: str, tensors: tuple[Tensor, ...], name: str | None) -> Tensor:
        found = [t for t in tensors if name in (None, t.name)]
        if len(found) == 1:
            return found[0]
        given = f'has no {what} {name!r}' if name else f'has several {what}s'
        raise ModelError(
            f'{self.path} {given}; its {what}s are {"; ".join(map(str, tensors)) or "none"}. '
            f"Write one of these names into the import card's {what}"
        )


def load_network(path: Path) -> Network:
    """Loads a network from an .onnx file, or from an OpenVINO IR (.xml, with the .bin beside it).

    Raises:
        ModelError: if there is no such file, it is neither, weights beside it are missing, or it
            cannot be brought to a present opset.
    """
    if not path.is_file():
        raise ModelError(
            f'no network at {path}; give the path of an .onnx file, or of an OpenVINO .xml'
        )
    if path.suffix == '.xml':
        from drivseg_ros.lab.importing.openvino_ir import read_ir

        model, content = read_ir(path)
        return Network(model, path, hashlib.sha256(content).hexdigest(), 'OpenVINO IR')
    content = path.read_bytes()
    refuse_endless_functions(path, content)
    try:
        model = onnx.load_from_string(content)
        if not model.graph.node:
            raise ValueError('it has no graph')
        opset_of(model)
    except Exception as error:  # protobuf's DecodeError is of no public class
        raise ModelError(
            f'{path} cannot be read as ONNX ({error}); give an .onnx file, or an OpenVINO .xml '
            'with its .bin beside it (other formats: export to ONNX first)'
        ) from None
    digest = hashlib.sha256(content)
    for file in _load_external_data(model, path):
        digest.update(file.read_bytes())
    # Below IR 4, weights must be listed among the inputs: the converter loses others.
    model.ir_version = max(model.ir_version, _MIN_IR_VERSION)
    _drop_initializers_from_inputs(model)
    model = _raise_opset(model, path)
    return Network(model, path, digest.hexdigest(), 'ONNX')


def opset_of(model: onnx.ModelProto) -> int:
    """The version of ONNX' own operations in a graph.

    Raises:
        ValueError: if the file notes none.
    """
    for opset in model.opset_import:
        if opset.domain in ('', 'ai.onnx'):
            return int(opset.version)
    raise ValueError('it notes no opset')


def precision_of(model: onnx.ModelProto) -> str:
    """What a model card calls the precision of the graph's weights and arithmetic."""
    operations = {node.op_type for node in model.graph.node}
    if operations & {'QuantizeLinear', 'QLinearConv', 'ConvInteger', 'DynamicQuantizeLinear'}:
        return 'int8'
    sizes = {TensorProto.FLOAT: 0, TensorProto.FLOAT16: 0, TensorProto.BFLOAT16: 0}
    for tensor in model.graph.initializer:
        if tensor.data_type in sizes:
            sizes[tensor.data_type] += max(1, _product(tensor.dims))
    most = max(sizes, key=lambda kind: sizes[kind])
    return {TensorProto.FLOAT: 'fp32', TensorProto.FLOAT16: 'fp16'}.get(most, 'bf16')


def _product(sizes: object) -> int:
    result = 1
    for size in sizes:  # type: ignore[attr-defined]
        result *= size
    return result


def _inputs(model: onnx.ModelProto) -> tuple[Tensor, ...]:
    weights = {tensor.name for tensor in model.graph.initializer}
    return tuple(_tensor(v) for v in model.graph.input if v.name not in weights)


def _tensor(value: onnx.ValueInfoProto) -> Tensor:
    tensor = value.type.tensor_type
    shape = tuple(
        int(dim.dim_value) if dim.WhichOneof('value') == 'dim_value' and dim.dim_value > 0 else None
        for dim in tensor.shape.dim
    )
    return Tensor(value.name, tensor.elem_type, shape)


def _load_external_data(model: onnx.ModelProto, path: Path) -> list[Path]:
    """Takes weights in that lie in files beside the network, as torch's exporter leaves them.

    Returns:
        Those files.

    Raises:
        ModelError: if one of them is not there, or not whole.
    """
    tensors = list(model.graph.initializer) + [
        attribute.t for node in model.graph.node for attribute in node.attribute
    ]
    names = sorted(
        {
            entry.value
            for tensor in tensors
            if tensor.data_location == TensorProto.EXTERNAL
            for entry in tensor.external_data
            if entry.key == 'location'
        }
    )
    try:
        # onnx refuses names that lead out of the folder.
        onnx.external_data_helper.load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise ModelError(
            f'{path} keeps weights in other files ({", ".join(names)}), which cannot be read: '
            f'{str(error).strip().splitlines()[0]}; put them into the same folder, or write the '
            'network as one file, with torch.onnx.export(..., external_data=False)'
        ) from None
    return [path.parent / name for name in names]


def _drop_initializers_from_inputs(model: onnx.ModelProto) -> None:
    kept = [
        value
        for value in model.graph.input
        if value.name in {tensor.name for tensor in _inputs(model)}
    ]
    del model.graph.input[:]
    model.graph.input.extend(kept)


def _raise_opset(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    given = opset_of(model)
    if given >= MIN_OPSET:
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except Exception as error:  # the converter raises RuntimeError, its checks others
        reason = _reason(model, error)
        raise ModelError(
            f'{path} has opset {given}, and cannot be raised to {OPSET} ({reason}); at least '
            f'{MIN_OPSET} is needed: export the network again with opset_version={OPSET}'
        ) from None


def _reason(model: onnx.ModelProto, error: Exception) -> str:
    """What the converter could not do; its own text names no operation."""
    operations = {str(n.op_type) for n in model.graph.node if n.domain in ('', 'ai.onnx')}
    unknown = {operation for operation in operations if not onnx.defs.has(operation)}
    if unknown:
        return f'ONNX has no operation {", ".join(sorted(unknown))}'
    return ' '.join(str(error).split()).rpartition('failed: ')[2][:300]
