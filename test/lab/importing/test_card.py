# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Import cards: the ready ones, what YAML says, and every refusal."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.card import REST, Activation, Color, Layout, OutputSpec
from drivseg_ros.lab.importing.card_file import find_card, read_card, ready_cards
from drivseg_ros.model.card import Resize, Role

READY = {
    'ade20k',
    'cityscapes19',
    'road_segmentation_adas_0001',
    'twinlitenet',
    'twinlitenet_plus',
    'yolop',
}
TEXT = """
name: mine
description: a network
input: {color: bgr, scale: 1/128, mean: [1, 2.5, 1/2], std: [1, 2, 3], resize: letterbox,
        layout: nhwc, name: x, width: 64, height: 32}
outputs:
  - {name: area, activation: softmax, layout: nhwc}
  - {name: lines, activation: sigmoid, threshold: 0.25}
classes:
  - {name: road, color: [1, 2, 3], role: drivable, output: area, channels: [1, 2]}
  - {name: other, color: [0, 0, 0], role: none, output: area, channels: rest}
  - {name: line, color: [9, 9, 9], role: road, output: lines, channels: [0], over: [other]}
"""


def written(folder: Path, text: str = TEXT) -> Path:
    path = folder / 'card.yaml'
    path.write_text(text)
    return path


def test_everything_is_read(tmp_path: Path) -> None:
    card = read_card(written(tmp_path))
    assert (card.name, card.description, card.license) == ('mine', 'a network', '')
    assert card.input.color is Color.BGR
    assert card.input.scale == 1 / 128
    assert card.input.mean == (1.0, 2.5, 0.5)
    assert card.input.std == (1.0, 2.0, 3.0)
    assert card.input.resize is Resize.LETTERBOX
    assert card.input.layout is Layout.NHWC
    assert (card.input.name, card.input.width, card.input.height) == ('x', 64, 32)
    assert card.outputs == (
        OutputSpec(Activation.SOFTMAX, 'area', layout=Layout.NHWC),
        OutputSpec(Activation.SIGMOID, 'lines', threshold=0.25),
    )
    assert [c.channels for c in card.classes] == [(1, 2), REST, (0,)]
    assert card.classes[2].over == ('other',)
    assert [c.id for c in card.model_classes()] == [0, 1, 2]
    assert card.model_classes()[0].role is Role.DRIVABLE


def test_ready_cards_are_there_and_right() -> None:
    assert set(ready_cards()) == READY
    cards = {name: read_card(find_card(name)) for name in READY}
    assert all(card.architecture and card.license for card in cards.values())
    # Every one drives something, or the overlay would stay empty.
    for card in cards.values():
        assert any(c.role is Role.DRIVABLE for c in card.classes)
    assert [c.channels for c in cards['cityscapes19'].classes] == [(i,) for i in range(19)]
    assert len({c.color for c in cards['cityscapes19'].classes}) == 19
    over = {c.over: c.role for c in cards['yolop'].classes if c.over}
    assert over == {('drivable',): Role.DRIVABLE, ('background',): Role.ROAD}


@pytest.mark.parametrize(
    ('old', 'new', 'expected'),
    [
        ('name: mine', 'nom: mine', r"unknown keys \['nom'\]; allowed are \['architecture'"),
        ('color: bgr', 'colour: bgr', "lacks the key 'color' at input; add it"),
        ('color: bgr', 'color: bgr, gamma: 2', r"unknown keys \['gamma'\] at input"),
        ('color: bgr', 'color: grb', '"grb" at input.color; allowed are rgb, bgr'),
        ('scale: 1/128', 'scale: 1/0', "scale '1/0'; a number or a fraction"),
        ('scale: 1/128', "scale: '1e999999999'", "scale '1e999999999'; a number or a fraction"),
        ('scale: 1/128', 'scale: 1e9/1e-400', "scale '1e9/1e-400'; a number or a fraction"),
        ('scale: 1/128', 'scale: 1/nan', "scale '1/nan'; a number or a fraction"),
        ('scale: 1/128', 'scale: true', 'true at input.scale; needed is a number'),
        ('scale: 1/128', 'scale: -1', r'scale -1.0; a number above 0'),
        ('scale: 1/128, ', '', "lacks the key 'scale'"),
        ('mean: [1, 2.5, 1/2]', 'mean: [1, 2]', r'mean \[1.0, 2.0\]; three numbers'),
        ('mean: [1, 2.5, 1/2]', 'mean: 5', '5 at input.mean; needed is a list'),
        ('std: [1, 2, 3]', 'std: [1, 0, 3]', r'std \[1.0, 0.0, 3.0\]; numbers above 0'),
        ('resize: letterbox', 'resize: crop', '"crop" at input.resize; allowed are stretch'),
        ('layout: nhwc, name: x', 'layout: chw', '"chw" at input.layout; allowed are nchw, nhwc'),
        ('width: 64', 'width: wide', '"wide" at input.width; needed is an int'),
        ('width: 64', 'width: 0', 'width 0; 1 to 8192 pixels'),
        ('activation: softmax', 'activation: max', r'"max" at outputs\[0\].activation; allowed'),
        ('activation: softmax', 'activation: softmax, threshold: 0.5', 'a threshold goes with'),
        ('threshold: 0.25', 'threshold: 1.5', 'threshold 1.5; a probability between'),
        ('name: lines, act', 'act', 'each needs its own name'),
        ('name: lines, activation: sigmoid, threshold: 0.25', 'name: lines, activation: class_ids',
         'only the first output may'),
        ('output: lines, ', '', r"output None; with several outputs each class names one of \['a"),
        ('output: lines, channels: [0]', 'output: lines, channels: rest', 'lets the earlier outp'),
        ('over: [other]', 'over: [sky]', r"painted over \['sky'\]; allowed are the classes of"),
        ('over: [other]', 'over: other', r'"other" at classes\[2\].over; needed is a list'),
        ('channels: rest', 'channels: rest, over: [road]', r"painted over \['road'\]"),
        ('channels: rest', 'channels: all', "channels 'all'; a list of numbers"),
        ('channels: rest', 'channels: []', r'channels \[\]; a list of numbers from 0'),
        ('channels: rest', 'channels: [-1]', r'channels \[-1\]; a list of numbers from 0'),
        ('channels: rest', 'channels: [2, 3]', r"channel 2 of output 'area' belongs to the class"),
        ('channels: [1, 2]', 'channels: rest', "several classes of output 'area' have the channe"),
        ('role: drivable', 'role: street', r'"street" at classes\[0\].role; allowed are direct'),
        ('color: [1, 2, 3]', 'color: [1, 2]', r'\[1, 2\] at classes\[0\].color; needed is a list'),
        ('color: [1, 2, 3]', 'color: red', r'"red" at classes\[0\].color; needed is a list'),
        ('name: road', "name: ''", "name ''; give it a non-empty one"),
        ('name: road', 'name: 1', r'1 at classes\[0\].name; needed is a text'),
        ('name: road', 'name: line', 'each may occur once only'),
        ('name: mine', 'name: [a', 'cannot be read as YAML'),
        ('name: mine', 'name: mine\nname: yours', 'cannot be read as YAML'),
        (TEXT, '- a', r'has \["a"\]; needed is a mapping'),
        (TEXT, '', 'the import card has null; needed is a mapping'),
        (TEXT[TEXT.index('outputs') :], 'outputs: []\nclasses: []', 'no outputs; name at least'),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert TEXT.count(old) >= 1
    path = written(tmp_path, TEXT.replace(old, new, 1))
    with pytest.raises(ModelError, match=expected) as caught:
        read_card(path)
    assert str(path) in str(caught.value)


def test_a_class_without_a_head_is_refused(tmp_path: Path) -> None:
    lines = [line for line in TEXT.splitlines() if 'output: lines' not in line]
    with pytest.raises(ModelError, match="no class of the import card takes the output 'lines'"):
        read_card(written(tmp_path, '\n'.join(lines)))


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('twinlite', "no card 'twinlite'; give the path .*: ade20k, cityscapes19"),
        ('there/is.yaml', "no file 'there/is.yaml'"),
    ],
)
def test_no_such_card(name: str, expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        find_card(name)


def test_a_card_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / 'card.yaml'
    path.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ModelError, match='is not a text in UTF-8'):
        read_card(path)


def test_yaml_cannot_make_objects(tmp_path: Path) -> None:
    path = written(tmp_path, 'name: !!python/object/apply:os.getcwd []\n')
    with pytest.raises(ModelError):
        read_card(path)
    assert YAML(typ='safe', pure=True).load(TEXT)['name'] == 'mine'


def test_the_documentation_is_a_card(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / 'docs' / 'import_cards.md').read_text()
    whole, heads = (part.split('```')[0] for part in text.split('```yaml')[1:])
    card = read_card(written(tmp_path, whole))
    assert [c.channels for c in card.classes] == [(0,), (3, 4), REST]
    both = 'input: {color: rgb, scale: 1/255, resize: letterbox}' + heads
    assert [c.over for c in read_card(written(tmp_path, both)).classes][2:] == [
        ('drivable',),
        ('background',),
    ]
