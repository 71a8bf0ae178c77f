# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks that do not fit their card, or are none: what was given, what to do, nothing written."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from foreign_network import HEIGHT, WIDTH, HeadOf, write_foreign_network

from drivseg_ros.errors import DataError, ModelError, ParameterError
from drivseg_ros.lab.importing.card import (
    REST,
    Activation,
    ClassSpec,
    Color,
    ImportCard,
    InputSpec,
    Layout,
    OutputSpec,
)
from drivseg_ros.lab.importing.importer import import_network
from drivseg_ros.model.card import Resize, Role

INPUT = InputSpec(Color.RGB, 1.0, Resize.STRETCH)
THREE = HeadOf('out', [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0])
ONE = HeadOf('one', [[1, 0, 0]], [0])


def card(
    *channels: Any,
    spec: InputSpec = INPUT,
    name: str | None = None,
    activation: Activation = Activation.SOFTMAX,
    **output: Any,
) -> ImportCard:
    classes = [ClassSpec(f'c{i}', (0, 0, 0), Role.NONE, c) for i, c in enumerate(channels)]
    return ImportCard(spec, (OutputSpec(activation, name, **output),), tuple(classes))


RIGHT = card((0,), (1,), (2,))
LATER = ImportCard(
    INPUT,
    (OutputSpec(Activation.SOFTMAX, 'out'), OutputSpec(Activation.SOFTMAX, 'more')),
    (
        ClassSpec('a', (0, 0, 0), Role.NONE, REST, 'out'),
        ClassSpec('b', (0, 0, 0), Role.NONE, (1,), 'out'),
        ClassSpec('c', (0, 0, 0), Role.NONE, (0, 1, 2), 'more'),
    ),
)


@pytest.mark.parametrize(
    ('heads', 'network', 'import_card', 'expected'),
    [
        ([THREE], {}, card((0,), (1,), (2,), name='da'), r"no output 'da'; its outputs are 'out'"),
        ([THREE, ONE], {}, RIGHT, "has several outputs; its outputs are 'out' float .*; 'one'"),
        ([THREE], {}, card((0,), (1,), (2,), spec=dataclasses.replace(INPUT, name='image')),
         r"no input 'image'; its inputs are 'pixels' float \[1, 3, 16, 24\]. Write one"),
        ([THREE], {}, card((0,), (1,)), r"'out' \[1, 3, 16, 24\]; .* leave out its channels 2"),
        ([THREE], {}, card((0,), (1,), (3,)), r'channels 0 to 2 are allowed, and .* gives \[3\]'),
        ([THREE], {}, card((0,), (1,), (2,), REST), "no channel is left for the class"),
        ([THREE], {}, card((0, 1, 2)), 'two classes are needed at least'),
        ([THREE], {}, card(REST, (0,), activation=Activation.SIGMOID), 'one channel is need'),
        ([THREE], {}, card(REST, (0,), activation=Activation.CLASS_IDS), 'write softmax if they'),
        ([THREE], {}, card(REST, (0,), activation=Activation.PROBABILITIES, threshold=0.4),
         'a threshold needs one channel, and it has 3'),
        ([ONE], {}, card(REST, (0,)), 'the softmax of one channel is always 1: write sigmoid'),
        ([THREE], {}, card((0,), (1,), (2,), activation=Activation.PROBABILITIES),
         'has values from 0 to 255, and .* takes them for probabilities; write softmax'),
        ([dataclasses.replace(THREE, last='softmax')], {}, RIGHT,
         'holds probabilities already, and .* takes them for logits; write probabilities'),
        ([dataclasses.replace(THREE, last='argmax')], {}, RIGHT, 'class_ids if it holds these'),
        ([ONE], {}, card((0,), (1,), activation=Activation.SIGMOID), r'channels 0 to 0 are allow'),
        ([dataclasses.replace(THREE, last='argmax')], {},
         card((0,), (1,), activation=Activation.CLASS_IDS), 'gives the class id 2, and .* 2 class'),
        ([THREE, dataclasses.replace(THREE, name='more')], {}, LATER, 'nothing of the earlier out'),
        ([THREE], {'free_size': True}, RIGHT, r'\[1, 3, any, any\], of any height; give the he'),
        ([THREE], {}, card((0,), (1,), (2,), spec=dataclasses.replace(INPUT, width=640)),
         'fixed to the width 24, and 640 was asked for'),
        ([THREE], {}, card((0,), (1,), (2,), spec=dataclasses.replace(INPUT, layout=Layout.NHWC)),
         'has 24 channels; 3 are needed: write layout: nchw'),
    ],
)  # fmt: skip
def test_refused(
    tmp_path: Path,
    heads: list[HeadOf],
    network: dict[str, Any],
    import_card: ImportCard,
    expected: str,
) -> None:
    path = write_foreign_network(tmp_path / 'network.onnx', heads, **network)
    with pytest.raises(ModelError, match=expected) as caught:
        import_network(path, import_card, tmp_path / 'made' / 'model.onnx')
    assert 'network.onnx' in str(caught.value) or 'the imported model' in str(caught.value)
    assert not list((tmp_path / 'made').glob('*')), 'something was left behind'


def spoil(path: Path, how: str) -> None:
    model = onnx.load(path)
    if how == 'external':
        onnx.save(
            model, path, save_as_external_data=True, location='weights.data', size_threshold=0
        )
        (path.parent / 'weights.data').unlink()
        return
    if how == 'two inputs':
        extra = onnx.helper.make_tensor_value_info('depth', onnx.TensorProto.FLOAT, [1])
        model.graph.input.append(extra)
        model.graph.node.append(onnx.helper.make_node('Add', ['out', 'depth'], ['sum']))
        model.graph.output[0].name = 'sum'
    elif how in ('uint8', 'int32'):
        kind = onnx.TensorProto.DataType.Value(how.upper())
        model.graph.input[0].type.tensor_type.elem_type = kind
    elif how == 'three axes':
        del model.graph.input[0].type.tensor_type.shape.dim[0]
    elif how == 'unknown operation':
        model.graph.node[0].op_type = 'Conf'
    elif how == 'old':
        model.opset_import[0].version = 6
        model.graph.node[0].op_type = 'Affine'
    onnx.save(model, path)


@pytest.mark.parametrize(
    ('how', 'expected'),
    [
        ('external', r'keeps weights in other files \(weights.data\), which cannot be read'),
        ('two inputs', r"needs the inputs \['depth'\] beside 'pixels'"),
        ('int32', 'float, float16 or uint8 is needed'),
        ('uint8', 'onnxruntime cannot run'),
        ('three axes', 'four axes are needed'),
        ('unknown operation', 'onnxruntime cannot run the network'),
        ('old', r'has opset 6, and cannot be raised to 17 \(ONNX has no operation Affine\)'),
    ],
)
def test_spoilt(tmp_path: Path, how: str, expected: str) -> None:
    path = write_foreign_network(tmp_path / 'network.onnx', [THREE])
    spoil(path, how)
    name = 'pixels' if how == 'two inputs' else None
    spec = dataclasses.replace(INPUT, name=name)
    with pytest.raises(ModelError, match=expected):
        import_network(path, card((0,), (1,), (2,), spec=spec), tmp_path / 'model.onnx')


@pytest.mark.parametrize(
    ('name', 'content', 'expected'),
    [
        ('none.onnx', None, 'no network at'),
        ('text.onnx', b'hello there', 'cannot be read as ONNX'),
        ('empty.onnx', b'', 'cannot be read as ONNX'),
        ('weights.pt', b'PK\x03\x04', r'other formats: export to ONNX first'),
    ],
)
def test_no_network(tmp_path: Path, name: str, content: bytes | None, expected: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=expected):
        import_network(tmp_path / name, RIGHT, tmp_path / 'model.onnx')


def test_output_file(tmp_path: Path) -> None:
    network = write_foreign_network(tmp_path / 'network.onnx', [THREE])
    output = tmp_path / 'model.onnx'
    first = import_network(network, RIGHT, output)
    assert first.file.card.name == 'model'
    with pytest.raises(ParameterError, match=r'exists; .* --overwrite'):
        import_network(network, RIGHT, output)
    kept = output.read_bytes()
    with pytest.raises(ModelError, match='leave out its channels'):
        import_network(network, card((0,), (1,)), output, overwrite=True)
    assert output.read_bytes() == kept, 'a refused import must not touch the file'
    named = dataclasses.replace(RIGHT, name='mine')
    assert import_network(network, named, output, overwrite=True).file.card.name == 'mine'
    with pytest.raises(ParameterError, match='is read, and would be replaced'):
        import_network(network, RIGHT, network, overwrite=True)
    with pytest.raises(ParameterError, match=r'must end in .onnx'):
        import_network(network, RIGHT, tmp_path / 'model.bin')
    with pytest.raises(ParameterError, match='cannot be written'):
        import_network(network, RIGHT, network / 'model.onnx')
    (tmp_path / 'folder.onnx').mkdir()
    with pytest.raises(ParameterError, match='is a folder'):
        import_network(network, RIGHT, tmp_path / 'folder.onnx', overwrite=True)


def test_a_disk_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = write_foreign_network(tmp_path / 'network.onnx', [THREE])

    def full(path: Path, _data: bytes) -> int:
        path.touch()
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'write_bytes', full)
    with pytest.raises(DataError, match=r'cannot be written .*No space left'):
        import_network(network, RIGHT, tmp_path / 'model.onnx')
    assert [p.name for p in tmp_path.iterdir()] == ['network.onnx']


def test_size_of_the_command_line_wins(tmp_path: Path) -> None:
    network = write_foreign_network(tmp_path / 'network.onnx', [THREE], free_size=True)
    sized = card((0,), (1,), (2,), spec=dataclasses.replace(INPUT, width=99, height=99))
    file = import_network(network, sized, tmp_path / 'model.onnx', width=WIDTH, height=HEIGHT).file
    assert (file.card.input_width, file.card.input_height) == (WIDTH, HEIGHT)


def test_origin_is_recorded(tmp_path: Path) -> None:
    import hashlib

    network = write_foreign_network(tmp_path / 'network.onnx', [THREE, ONE], dtype=np.float32)
    file = import_network(
        network, card((0,), (1,), (2,), name='out'), tmp_path / 'm.onnx', card_name='my.yaml'
    ).file
    facts = file.card.provenance
    assert facts['sha256'] == hashlib.sha256(network.read_bytes()).hexdigest()
    assert facts['imported_from'] == 'network.onnx'
    assert facts['import_card'] == 'my.yaml'
    assert facts['outputs'] == ['out']
    assert facts['outputs_left_out'] == ['one']


def test_the_end_of_what_onnxruntime_says_is_kept(tmp_path: Path) -> None:
    path = write_foreign_network(tmp_path / 'network.onnx', [THREE])
    model = onnx.load(path)
    model.opset_import[0].version = 999
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r'is till opset \d+'):
        import_network(path, RIGHT, tmp_path / 'model.onnx')
