# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A model file is taken only if its card and its graph say the same."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tiny_model import tiny_card, write_tiny_model

from drivseg_ros.errors import ModelError
from drivseg_ros.model.card import BDD100K_CLASSES
from drivseg_ros.model.file import read_model_file
from drivseg_ros.model.onnx_classes import count_classes
from drivseg_ros.model.store import DEFAULT_MODEL, find_model


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({}, None),
        ({'batch': 2}, None),
        ({'confidence': False}, None),
        ({'work': 2}, None),
        ({'card': None}, 'has no model card'),
        ({'card': '{'}, 'is not JSON'),
        ({'card': '[]'}, 'must be a JSON object'),
        ({'card': tiny_card(width=32).to_json()}, r"'image' has the shape \['N', 48, 64, 3\]"),
        ({'card': tiny_card(height=32).to_json()}, 'its card says'),
        ({'classes': BDD100K_CLASSES[:2]}, 'graph has 3 classes, but its card names 2'),
    ],
)
def test_card_and_graph(tmp_path: Path, changes: dict, expected: str | None) -> None:
    path = write_tiny_model(tmp_path / 'm.onnx', **changes)
    raises = pytest.raises(ModelError, match=expected) if expected else contextlib.nullcontext()
    with raises:
        model = read_model_file(path)
        assert model.card.input_width == 64
        assert model.batch == changes.get('batch')
        assert model.has_confidence == changes.get('confidence', True)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match='no model file at'):
        read_model_file(tmp_path / 'none.onnx')


@pytest.mark.parametrize('content', [b'', b'not onnx at all', b'\x00' * 100])
def test_no_onnx(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'bad.onnx'
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r'cannot be read as ONNX|has the inputs|no model card'):
        read_model_file(path)


def test_truncated_file(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / 'm.onnx')
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelError):
        read_model_file(path)


def _rename(model: onnx.ModelProto, old: str, new: str) -> None:
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [new if n == old else n for n in names]
    for value in (*model.graph.input, *model.graph.output):
        value.name = new if value.name == old else value.name


@pytest.mark.parametrize(
    ('old', 'new', 'expected'),
    [
        ('image', 'input', r"has the inputs \['input'\]; needed are \['image'\]"),
        ('class_ids', 'mask', r"has the outputs .*'mask'.*needed are \['class_ids'\]"),
        ('confidence', 'score', r"has the outputs .*\['confidence'\] may be there"),
    ],
)
def test_names(tmp_path: Path, old: str, new: str, expected: str) -> None:
    path = write_tiny_model(tmp_path / 'm.onnx')
    model = onnx.load(path)
    _rename(model, old, new)
    onnx.save(model, path)
    with pytest.raises(ModelError, match=expected):
        read_model_file(path)


def test_dtype(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / 'm.onnx')
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"'image' has the type tensor\(float\)"):
        read_model_file(path)


def test_hash_is_of_the_bytes(tmp_path: Path) -> None:
    first = read_model_file(write_tiny_model(tmp_path / 'a.onnx'))
    second = read_model_file(write_tiny_model(tmp_path / 'b.onnx', name='other'))
    assert len(first.sha256) == 64
    assert first.sha256 != second.sha256
    assert dataclasses.replace(first).sha256 == first.sha256


def write_checkpoint(path: Path, metadata: dict | None, *, cut: int | None = None) -> Path:
    """A .safetensors file without tensors, written by the format's own description."""
    header = json.dumps({} if metadata is None else {'__metadata__': metadata}).encode()
    path.write_bytes((len(header).to_bytes(8, 'little') + header)[:cut])
    return path


CARD = {'drivseg.card': tiny_card().to_json(), 'drivseg.architecture': 'fast_scnn'}


@pytest.mark.parametrize(
    ('metadata', 'cut', 'expected'),
    [
        (CARD, None, None),
        (None, None, r"lacks the metadata \['drivseg.architecture', 'drivseg.card'\]"),
        ({'drivseg.architecture': 'x'}, None, r"lacks the metadata \['drivseg.card'\]"),
        ({**CARD, 'drivseg.card': '{'}, None, 'is not JSON'),
        (CARD, -5, 'cannot be read as safetensors'),
        (CARD, 3, 'cannot be read as safetensors'),
        (CARD, 0, 'cannot be read as safetensors'),
    ],
)
def test_checkpoint(
    tmp_path: Path, metadata: dict | None, cut: int | None, expected: str | None
) -> None:
    path = write_checkpoint(tmp_path / 'c.safetensors', metadata, cut=cut)
    raises = pytest.raises(ModelError, match=expected) if expected else contextlib.nullcontext()
    with raises:
        model = find_model(path)
        assert (model.is_checkpoint, model.batch, model.has_confidence) == (True, None, True)
        assert model.card == tiny_card()


def test_a_file_that_only_looks_like_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / 'c.safetensors'
    path.write_bytes(b'\xff' * 64)
    with pytest.raises(ModelError, match='cannot be read as safetensors'):
        read_model_file(path)


@pytest.mark.parametrize('axis', [1, -3])
def test_count_classes(axis: int) -> None:
    nodes = [
        helper.make_node('ArgMax', ['x'], ['a'], axis=axis, keepdims=0),
        helper.make_node('Cast', ['a'], ['class_ids'], to=TensorProto.UINT8),
    ]
    x = helper.make_tensor_value_info('x', TensorProto.FLOAT, ['N', 19, 4, 5])
    out = helper.make_tensor_value_info('class_ids', TensorProto.UINT8, ['N', 4, 5])
    graph = helper.make_graph(nodes, 'g', [], [out], value_info=[x])
    data = helper.make_model(graph).SerializeToString()
    assert count_classes(data, 'class_ids') == 19
    del graph.value_info[:]
    assert count_classes(helper.make_model(graph).SerializeToString(), 'class_ids') is None
    assert count_classes(data, 'a thing that is not there') is None


def test_count_classes_by_comparison() -> None:
    """The shipped network compares its classes one by one."""
    model = find_model(DEFAULT_MODEL)
    assert count_classes(model.path.read_bytes(), 'class_ids') == model.card.num_classes == 4


def test_count_classes_of_a_threshold() -> None:
    nodes = [
        helper.make_node('Greater', ['x', 'limit'], ['g']),
        helper.make_node('Cast', ['g'], ['class_ids'], to=TensorProto.UINT8),
    ]
    graph = helper.make_graph(nodes, 'g', [], [])
    assert count_classes(helper.make_model(graph).SerializeToString(), 'class_ids') is None


@pytest.mark.parametrize('here', [True, False])
def test_weights_outside_of_the_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: bool
) -> None:
    """A model is one file: what lies beside it would be in no hash."""
    model = onnx.load(write_tiny_model(tmp_path / 'm.onnx', work=2))
    path = tmp_path / 'out.onnx'
    onnx.save(model, path, save_as_external_data=True, location='out.data', size_threshold=10)
    if here:  # where onnxruntime finds it
        monkeypatch.chdir(tmp_path)
    expected = 'has weights in another file' if here else 'cannot be read as ONNX'
    with pytest.raises(ModelError, match=expected):
        read_model_file(path)


def test_any_damage_is_an_error_of_the_model(tmp_path: Path) -> None:
    """Whatever the bytes, other models can still be listed."""
    content = write_tiny_model(tmp_path / 'm.onnx').read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        damaged = bytearray(content[: random.integers(1, 2 * len(content))])
        for at in random.integers(0, len(damaged), random.integers(1, 8)):
            damaged[at] = random.integers(0, 256)
        (tmp_path / 'damaged.onnx').write_bytes(damaged)
        try:
            read_model_file(tmp_path / 'damaged.onnx')
        except ModelError:
            refused += 1
    assert refused > 100


def test_the_file_is_read_once(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / 'm.onnx')
    content = path.read_bytes()
    model = read_model_file(path)
    path.write_bytes(b'something else')
    assert model.content == content
    assert model.sha256 == hashlib.sha256(content).hexdigest()
    kept = model.without_content()
    assert kept == model
    with pytest.raises(ValueError, match='read the file again'):
        _ = kept.content


def test_a_graph_that_onnxruntime_reads_less_closely(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / 'm.onnx')
    model = onnx.load(path)
    model.graph.value_info.add()  # a value without a name
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r'has a damaged graph \(KeyError.*; export or download'):
        read_model_file(path)


def with_functions(path: Path, bodies: list[list[str]]) -> Path:
    """The tiny model; its Identity is the last of functions f0, f1, ... of these operations."""
    model = onnx.load(write_tiny_model(path))
    opsets = [helper.make_opsetid('', 17), helper.make_opsetid('own', 1)]
    for number, body in enumerate(bodies):
        nodes = [
            helper.make_node(op, [f'v{i}'], [f'v{i + 1}'], domain='own' if op[0] == 'f' else '')
            for i, op in enumerate(body)
        ]
        function = helper.make_function(
            'own', f'f{number}', ['v0'], [f'v{len(body)}'], nodes, opsets
        )
        model.functions.append(function)
    model.opset_import.append(helper.make_opsetid('own', 1))
    for node in model.graph.node:
        if node.op_type == 'Identity':
            node.op_type, node.domain = f'f{len(bodies) - 1}', 'own'
    path.write_bytes(model.SerializeToString())
    return path


def doubling(levels: int) -> list[list[str]]:
    return [['Identity'] * 2, *([f'f{i}'] * 2 for i in range(levels))]


@pytest.mark.parametrize('bodies', [doubling(40), [['f1'], ['f0']], [['f0']]])
def test_functions_that_have_no_end(tmp_path: Path, bodies: list[list[str]]) -> None:
    """A runtime that puts them in is at it for hours."""
    path = with_functions(tmp_path / 'm.onnx', bodies)
    with pytest.raises(ModelError, match='functions that stand for more than 10000 nodes'):
        read_model_file(path)


def test_functions_that_have_an_end(tmp_path: Path) -> None:
    assert read_model_file(with_functions(tmp_path / 'm.onnx', doubling(3))).card.name == 'tiny'
