# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg import` from the command line."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from command_line import drivseg
from foreign_network import HeadOf, write_foreign_network

from drivseg_ros.lab.importing.card_file import find_card
from drivseg_ros.model.file import read_model_file

CARD = """
input: {color: rgb, scale: 1/255, resize: stretch}
outputs: [{name: out, activation: softmax}]
classes:
  - {name: road, color: [1, 2, 3], role: ROLE, channels: [0]}
  - {name: other, color: [0, 0, 0], role: none, channels: rest}
"""


drivseg_import = partial(drivseg, 'import')


def test_list_and_show() -> None:
    listed = drivseg_import('--list')
    assert listed.returncode == 0, listed.stderr
    for name in ('twinlitenet_plus', 'yolop', 'cityscapes19', 'road_segmentation_adas_0001'):
        assert name in listed.stdout
    shown = drivseg_import('--show', 'yolop')
    assert shown.stdout == find_card('yolop').read_text()
    unknown = drivseg_import('--show', 'yolo')
    assert unknown.returncode == 1
    assert "no card 'yolo'; give the path" in unknown.stderr


def test_import(tmp_path: Path) -> None:
    heads = [HeadOf('out', [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0])]
    heads.append(HeadOf('boxes', [[1, 1, 1]], [0]))
    network = write_foreign_network(tmp_path / 'net.onnx', heads)
    card = tmp_path / 'card.yaml'
    card.write_text(CARD.replace('ROLE', 'drivable'))
    output = tmp_path / 'new' / 'mine.onnx'
    made = drivseg_import(network, '--card', card, '--output', output)
    assert made.returncode == 0, made.stderr
    assert '24x16, fp32, batch any, classes road, other; drivable: road' in made.stdout
    assert 'left out: boxes' in made.stderr
    assert read_model_file(output).card.provenance['import_card'] == 'card.yaml'
    again = drivseg_import(network, '--card', card, '--output', output)
    assert again.returncode == 1
    assert 'exists; name another file' in again.stderr
    assert 'Traceback' not in again.stderr
    card.write_text(CARD.replace('ROLE', 'none'))
    warned = drivseg_import(network, '--card', card, '--output', output, '--overwrite')
    assert warned.returncode == 0
    assert 'no class is drivable' in warned.stderr


def test_what_is_missing_is_named() -> None:
    result = drivseg_import('net.onnx')
    assert result.returncode == 2
    assert '--card, --output must be given' in result.stderr


def test_no_size_is_no_size(tmp_path: Path) -> None:
    output = tmp_path / 'mine.onnx'
    result = drivseg_import('net.onnx', '--card', 'yolop', '-o', output, '--size', '0x360')
    assert result.returncode == 1
    assert 'write it like 1280x720' in result.stderr
