# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network and its import card become a model file (docs/model_file.md)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

import drivseg_ros
from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.card import ImportCard, Layout
from drivseg_ros.lab.importing.free_batch import FREE, settle_batch
from drivseg_ros.lab.importing.graph_builder import GraphBuilder
from drivseg_ros.lab.importing.heads import RealOutput, add_tail, check_batch, without_last_step
from drivseg_ros.lab.importing.model_writer import write_model
from drivseg_ros.lab.importing.network import Network, load_network, opset_of, precision_of
from drivseg_ros.lab.importing.plausibility import check_values
from drivseg_ros.lab.importing.prelude import add_prelude, normalisation
from drivseg_ros.lab.importing.proof import Runner, same
from drivseg_ros.lab.importing.sizes import InputSize, input_size, pixels_as_floats, with_size
from drivseg_ros.lab.importing.tidy import NAMESPACE, keep_needed, tidy
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.file import (
    CLASS_IDS_NAME,
    CONFIDENCE_NAME,
    INPUT_NAME,
    METADATA_KEY,
    ModelFile,
)

_SUFFIX = '.onnx'


@dataclass(frozen=True)
class ImportedModel:
    """What came of an import.

    Attributes:
        file: the written model.
        outputs_left_out: the network's outputs that the card does not use.
        opset: of the written graph.
    """

    file: ModelFile
    outputs_left_out: tuple[str, ...]
    opset: int


def import_network(
    path: Path,
    card: ImportCard,
    output: Path,
    *,
    card_name: str = '',
    width: int | None = None,
    height: int | None = None,
    overwrite: bool = False,
) -> ImportedModel:
    """Wraps a network into a model file, and checks the file.

    The file is there whole or not at all.

    Args:
        path: the network: .onnx, or .xml of an OpenVINO IR.
        card: what there is to know of it.
        output: the file to write; its folder is made.
        card_name: where the card came from, for the model's provenance.
        width: of the input, where the network leaves it free; before the card's.
        height: likewise.
        overwrite: whether an existing file is replaced.

    Raises:
        ModelError: if the network or the card cannot be used, or they contradict each other.
        ParameterError: if the output may not be written.
    """
    check_output_files([output], overwrite=overwrite, sources=[path], suffixes=[_SUFFIX])
    network = load_network(path)
    wanted = with_size(card.input, width=width, height=height)
    given_input = network.pick_input(wanted.name)
    size = input_size(given_input, wanted, path)
    names = [network.pick_output(spec.name).name for spec in card.outputs]
    inner = tidy(network.model, names)
    _refuse_other_inputs(inner, network, given_input.name)
    feed = NAMESPACE + given_input.name
    images = _example_images(card, size)
    if size.dtype == 'uint8':
        inner, size = pixels_as_floats(inner, feed, size, images)
    inner, batch, values = settle_batch(inner, feed, size, images.astype(size.dtype))
    outputs = [
        RealOutput(name, NAMESPACE + name, (len(value) // 2, *value.shape[1:]))
        for name, value in zip(names, values, strict=True)
    ]
    check_batch(outputs, size.batch or 1, path)
    _compare_with_original(network, given_input.name, names, images, values, batch=size.batch or 1)
    steps = [
        without_last_step(inner, spec, real)
        for spec, real in zip(card.outputs, outputs, strict=True)
    ]
    graph = GraphBuilder('drivseg/', opset=opset_of(inner))
    add_prelude(graph, wanted, dtype=size.dtype, output=feed)
    before = len(graph.nodes)
    has_confidence = add_tail(graph, card, steps, height=size.height, width=size.width, path=path)
    for spec, name, value in zip(card.outputs, names, values, strict=True):
        check_values(spec, name, value, path)
    left_out = tuple(t.name for t in network.outputs if t.name not in names)
    model_card = ModelCard(
        name=card.name or output.stem,
        classes=card.model_classes(),
        input_width=size.width,
        input_height=size.height,
        resize=card.input.resize,
        architecture=card.architecture,
        description=card.description,
        precision=precision_of(inner),
        license=card.license,
        provenance=_provenance(network, card_name, names, left_out),
    )
    model = _assemble(inner, graph, before, size, batch, has_confidence=has_confidence)
    helper.set_model_props(model, {METADATA_KEY: model_card.to_json()})
    file = write_model(model, output, model_card, batch=batch or 2)
    return ImportedModel(file, left_out, opset_of(model))


def _refuse_other_inputs(inner: onnx.ModelProto, network: Network, name: str) -> None:
    read = {value for node in inner.graph.node for value in node.input}
    others = sorted(t.name for t in network.inputs if t.name != name and NAMESPACE + t.name in read)
    if others:
        raise ModelError(
            f'{network.path} needs the inputs {others} beside {name!r}; a network of one image '
            'alone can be imported: export it with these as constants'
        )
    kept = [value for value in inner.graph.input if value.name == NAMESPACE + name]
    del inner.graph.input[:]
    inner.graph.input.extend(kept)


def _example_images(card: ImportCard, size: InputSize) -> np.ndarray:
    """Noise as the network would see it, twice its batch (or two)."""
    count = 2 * (size.batch or 1)
    shape = (count, size.height, size.width, 3)
    levels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    factor, offset = normalisation(card.input)
    values = (levels * factor + offset).astype(size.dtype)
    if size.layout is Layout.NCHW:
        values = values.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values)


def _compare_with_original(
    network: Network,
    name: str,
    outputs: list[str],
    images: np.ndarray,
    values: list[np.ndarray],
    *,
    batch: int,
) -> None:
    """Refuses a graph that raising its opset or cutting heads off has changed."""
    original = network.model if network.format != 'ONNX' else onnx.load(network.path)
    wanted = Runner(original, str(network.path)).run({name: images[:batch]}, outputs)
    if not same([value[: len(w)] for value, w in zip(values, wanted, strict=True)], wanted):
        raise ModelError(
            f'{network.path} gives other values after its opset was raised to {network.opset}; '
            f'export the network again with opset_version={network.opset}'
        )


def _provenance(
    network: Network, card_name: str, outputs: list[str], left_out: tuple[str, ...]
) -> dict[str, Any]:
    return {
        'imported_from': network.path.name,
        'sha256': network.sha256,
        'format': network.format,
        'import_card': card_name,
        'outputs': outputs,
        'outputs_left_out': list(left_out),
        'imported_by': f'drivseg_ros {drivseg_ros.__version__}, onnx {onnx.__version__}',
    }


def _assemble(
    inner: onnx.ModelProto,
    graph: GraphBuilder,
    before: int,
    size: InputSize,
    batch: int | None,
    *,
    has_confidence: bool,
) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(inner)
    model.producer_name, model.producer_version = 'drivseg_ros', drivseg_ros.__version__
    n: int | str = FREE if batch is None else batch
    names = [CLASS_IDS_NAME, *([CONFIDENCE_NAME] if has_confidence else [])]
    nodes = [*graph.nodes[:before], *inner.graph.node, *graph.nodes[before:]]
    target = model.graph
    for field in (target.node, target.input, target.output, target.value_info):
        del field[:]
    target.name = 'drivseg'
    target.doc_string = ''
    target.node.extend(keep_needed(nodes, names))
    target.initializer.extend(graph.initializers)
    shape = [n, size.height, size.width]
    target.input.append(helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, [*shape, 3]))
    target.output.extend(
        helper.make_tensor_value_info(name, TensorProto.UINT8, shape) for name in names
    )
    used = {name for node in target.node for name in node.input}
    kept = [tensor for tensor in target.initializer if tensor.name in used]
    if not any(a.HasField('g') for node in target.node for a in node.attribute):
        del target.initializer[:]
        target.initializer.extend(kept)
    # Shapes of all inner values: `read_model_file` counts the classes by them.
    return onnx.shape_inference.infer_shapes(model, data_prop=True)
