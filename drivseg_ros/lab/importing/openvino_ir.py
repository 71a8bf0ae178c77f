# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads an OpenVINO IR (.xml, weights in the .bin beside it) as an ONNX graph.

Versions 10 and 11 of the format
(https://docs.openvino.ai/2024/documentation/openvino-ir-format.html): layers with ports, edges
between ports, constants as offsets into the .bin. openvino_layers.py knows the layers.

The one library for this, openvino2onnx 1.1.0, was tried: it wants a numpy below 2.2, and does not
start with an onnx of today (it imports onnx.mapping, which is gone).
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

import numpy as np
import onnx
from onnx import TensorProto, helper

from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.graph_builder import OPSET
from drivseg_ros.lab.importing.openvino_layers import Converter, Layer, Port

_VERSIONS = ('10', '11')
_TYPES = {
    'f16': np.float16,
    'f32': np.float32,
    'f64': np.float64,
    'i8': np.int8,
    'i32': np.int32,
    'i64': np.int64,
    'u8': np.uint8,
}


@dataclass(frozen=True)
class _Ir:
    layers: dict[str, Layer]
    sources: dict[tuple[str, str], tuple[str, str]]
    """(layer, input port) to (layer, output port)."""


def read_ir(path: Path) -> tuple[onnx.ModelProto, bytes]:
    """Reads an IR.

    Args:
        path: the .xml.

    Returns:
        The graph in float32, and the bytes of .xml and .bin, one after the other.

    Raises:
        ModelError: if the files are missing or damaged, sizes are free, or a layer is not known.
    """
    weights_path = path.with_suffix('.bin')
    if not weights_path.is_file():
        raise ModelError(
            f'{path} is there, but not its weights {weights_path}; an OpenVINO IR is both: put '
            'the .bin beside the .xml'
        )
    text, weights = path.read_bytes(), weights_path.read_bytes()
    try:
        return _convert(path, _parse(path, text), weights), text + weights
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise ModelError(
            f'{path} is damaged ({type(error).__name__}: {error}); copy or convert it again'
        ) from None


def _convert(path: Path, ir: _Ir, weights: bytes) -> onnx.ModelProto:
    converter = Converter(path)
    outputs = []
    for layer in _in_order(path, ir):
        inputs = [ir.sources[layer.id, port] for port in layer.inputs]
        if layer.type == 'Const':
            converter.constant(layer, _constant(path, layer, weights))
        elif layer.type == 'Result':
            outputs.append(converter.value(inputs[0]))
        else:
            converter.convert(layer, inputs)
    graph = helper.make_graph(
        converter.graph.nodes,
        'ir',
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in converter.parameters.items()
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in dict.fromkeys(outputs)
        ],
        converter.graph.initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=8)


def _parse(path: Path, text: bytes) -> _Ir:
    def refuse_doctype(*_: object) -> None:
        raise ModelError(
            f'{path} has a document type declaration, which no OpenVINO IR has; it is not read, '
            'because entities could make it huge or take in other files'
        )

    try:
        scanner = expat.ParserCreate()
        scanner.StartDoctypeDeclHandler = refuse_doctype
        scanner.Parse(text, True)
        root = ElementTree.fromstring(text)
    except (expat.ExpatError, ElementTree.ParseError) as error:
        raise ModelError(
            f'{path} cannot be read as XML ({error}); copy or convert it again'
        ) from None
    if root.tag != 'net' or root.get('version') not in _VERSIONS:
        raise ModelError(
            f'{path} is <{root.tag} version={root.get("version")!r}>; an OpenVINO IR, <net> of '
            f'version {" or ".join(_VERSIONS)}, is needed: convert the network with a present '
            'OpenVINO'
        )
    layers = {layer.id: layer for layer in map(_layer, root.iterfind('layers/layer'))}
    sources = {
        (edge.attrib['to-layer'], edge.attrib['to-port']): (
            edge.attrib['from-layer'],
            edge.attrib['from-port'],
        )
        for edge in root.iterfind('edges/edge')
    }
    return _Ir(layers, sources)


def _layer(element: ElementTree.Element) -> Layer:
    data = element.find('data')
    return Layer(
        id=element.attrib['id'],
        name=element.attrib['name'],
        type=element.attrib['type'],
        version=element.get('version', 'opset1'),
        attributes={} if data is None else dict(data.attrib),
        inputs=tuple(port.attrib['id'] for port in element.iterfind('input/port')),
        outputs=tuple(
            Port(
                id=port.attrib['id'],
                names=tuple(n for n in port.get('names', '').split(',') if n),
                shape=tuple(int(dim.text or '') for dim in port.iterfind('dim')),
            )
            for port in element.iterfind('output/port')
        ),
    )


def _in_order(path: Path, ir: _Ir) -> list[Layer]:
    """The layers, each after those that it reads."""
    waiting = {
        layer.id: {ir.sources.get((layer.id, port), ('', ''))[0] for port in layer.inputs}
        for layer in ir.layers.values()
    }
    order: list[Layer] = []
    while waiting:
        ready = [key for key, needed in waiting.items() if not needed & waiting.keys()]
        dangling = {key for needed in waiting.values() for key in needed} - ir.layers.keys()
        if not ready or dangling:
            raise ModelError(
                f'{path} is damaged: its layers have inputs that lead nowhere, or in a circle; '
                'copy or convert it again'
            )
        for key in ready:
            order.append(ir.layers[key])
            del waiting[key]
    return order


def _constant(path: Path, layer: Layer, weights: bytes) -> np.ndarray:
    kind = layer.attributes.get('element_type', '')
    if kind not in _TYPES:
        raise ModelError(
            f'{path}: layer {layer.name!r} holds numbers of the type {kind!r}; '
            f'{", ".join(_TYPES)} can be read: convert the network without compressing its weights'
        )
    dtype = np.dtype(_TYPES[kind])
    try:
        offset, size = (int(layer.attributes[key]) for key in ('offset', 'size'))
        shape = [int(n) for n in layer.attributes.get('shape', '').split(',') if n]
    except (KeyError, ValueError):
        offset = size = -1
        shape = []
    count = int(np.prod(shape, dtype=np.int64))
    if offset < 0 or size != count * dtype.itemsize or offset + size > len(weights):
        raise ModelError(
            f'{path}: the constant {layer.name!r} is not within the .bin of {len(weights)} '
            'bytes; the two files do not belong together or are cut off: copy both again'
        )
    values = np.frombuffer(weights, dtype, count, offset).reshape(shape)
    return values.astype(np.float32) if values.dtype.kind == 'f' else values
