# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg models` lists and shows, and an error is one line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import onnx
import pytest
from command_line import drivseg, drivseg_process
from tiny_model import write_tiny_model

import drivseg_ros
from drivseg_ros.model.card import ModelCard, ModelClass
from drivseg_ros.model.file import read_model_file


def test_version_and_help() -> None:
    assert drivseg('--version').stdout.strip() == drivseg_ros.__version__
    result = drivseg('--help')
    assert result.returncode == 0
    for command in (
        *('demo', 'models', 'bag', 'replay', 'play', 'record', 'bench', 'doctor'),
        *('import', 'export', 'parity', 'quantize', 'engine', 'segment'),
    ):
        assert command in result.stdout


def test_a_broken_library_is_one_line(tmp_path: Path) -> None:
    (tmp_path / 'onnxruntime.py').write_text("raise ImportError('libgomp.so.1 is not there')")
    path = os.pathsep.join([str(tmp_path), os.environ.get('PYTHONPATH', '')])
    result = drivseg_process('models', PYTHONPATH=path)
    assert result.returncode == 1
    assert 'libgomp.so.1 is not there' in result.stderr
    assert 'python -m drivseg_ros.doctor' in result.stderr
    assert 'Traceback' not in result.stderr


def test_list(tmp_path: Path, tiny_model: Path) -> None:
    (tiny_model.parent / 'broken.onnx').write_text('nonsense')
    folder = str(tiny_model.parent)
    for command in (['models'], ['models', 'list']):
        result = drivseg(*command, DRIVSEG_MODEL_PATH=folder)
        assert result.returncode == 0, result.stderr
        assert 'tiny ' in result.stdout
        assert 'not usable' in result.stdout
        assert 'cannot be read as ONNX' in result.stdout
    printed = drivseg('models', 'list', '--json', '-', DRIVSEG_MODEL_PATH=folder).stdout
    found = {Path(model['path']).stem: model for model in json.loads(printed)}
    assert found['tiny']['classes'] == ['direct', 'alternative', 'background']
    assert 'cannot be read as ONNX' in found['broken']['problem']


def test_names_are_never_cut() -> None:
    result = drivseg('models', COLUMNS='60')
    assert 'efficientnet_lite_fpn_lanes ' in result.stdout
    assert result.stdout.count('fast_scnn_bdd100k ') == 1
    assert 'fast_scnn_bdd100k_int8' in result.stdout


def test_json_goes_into_a_file_or_alone_to_stdout(tmp_path: Path, tiny_model: Path) -> None:
    file = tmp_path / 'card.json'
    result = drivseg('models', 'show', tiny_model, '--json', file)
    assert 'alternative' in result.stdout
    assert str(file) in result.stdout
    alone = drivseg('models', 'show', tiny_model, '--json', '-')
    assert json.loads(alone.stdout) == json.loads(file.read_text())
    again = drivseg('models', 'show', tiny_model, '--json', file)
    assert (again.returncode, again.stdout) == (1, '')
    assert 'replace it with --overwrite' in again.stderr
    assert drivseg('models', 'show', tiny_model, '--json', file, '--overwrite').returncode == 0


def test_show(tiny_model: Path) -> None:
    result = drivseg('models', 'show', str(tiny_model))
    assert result.returncode == 0, result.stderr
    for text in ('64x48', 'direct', 'alternative', 'background', 'fp32'):
        assert text in result.stdout
    card = json.loads(drivseg('models', 'show', str(tiny_model), '--json', '-').stdout)
    assert [c['name'] for c in card['classes']] == ['direct', 'alternative', 'background']


@pytest.mark.parametrize('classes', [4, 254])
def test_a_card_fits_a_screen(tmp_path: Path, classes: int) -> None:
    """However much it says; JSON has all of it."""
    long = 'every word of this is of interest to somebody, though not to everybody ' * 20
    path = write_tiny_model(
        tmp_path / 'm.onnx',
        classes=[ModelClass(i, f'class {i}', (i, 0, 0)) for i in range(classes)],
        description=long,
        architecture=long,
        license=long,
        provenance={f'key {i}': [i] * 100 for i in range(100)},
    )
    model = onnx.load(path)
    del model.graph.value_info[:]  # by which the true number of classes would be seen
    onnx.save(model, path)
    result = drivseg('models', 'show', 'm', COLUMNS='80', DRIVSEG_MODEL_PATH=str(tmp_path))
    lines = result.stdout.splitlines()
    assert len(lines) < 24, result.stdout
    file = next(line for line in lines if line.startswith('file'))
    assert str(path) in file
    assert max(len(line) for line in lines if line != file) <= 80
    assert '--json' in result.stdout
    output = tmp_path / 'card.json'
    drivseg('models', 'show', str(path), '--json', str(output))
    assert ModelCard.from_json(output.read_text()) == read_model_file(path).card


def test_an_error_is_one_line() -> None:
    result = drivseg('models', 'show', 'no_such_model')
    assert result.returncode == 1
    assert result.stdout == ''
    assert "no model is called 'no_such_model'" in result.stderr
    assert 'Traceback' not in result.stderr


@pytest.mark.parametrize(
    ('version', 'expected'),
    [('0.9.0', 'typer 0.9.0 is too old; '), (None, 'typer is not installed')],
)
def test_typer_of_the_system(tmp_path: Path, version: str | None, expected: str) -> None:
    """Ubuntu 24.04's typer is too old, and rosdep installs no other."""
    text = f'__version__ = {version!r}' if version else "raise ModuleNotFoundError(name='typer')"
    (tmp_path / 'typer.py').write_text(text)
    path = os.pathsep.join([str(tmp_path), os.environ.get('PYTHONPATH', '')])
    result = drivseg_process('--version', PYTHONPATH=path)
    assert result.returncode == 1
    assert expected in result.stderr
    assert 'Traceback' not in result.stderr
