# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg models` lists and shows, and an error is one line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from command_line import drivseg, drivseg_process

import drivseg_ros


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
    result = drivseg('models', DRIVSEG_MODEL_PATH=str(tiny_model.parent))
    assert result.returncode == 0, result.stderr
    assert 'tiny' in result.stdout
    assert 'not usable' in result.stdout
    assert 'cannot be read as ONNX' in result.stdout


def test_names_are_never_cut() -> None:
    result = drivseg('models', COLUMNS='60')
    assert 'efficientnet_lite_fpn_lanes ' in result.stdout
    assert result.stdout.count('fast_scnn_bdd100k ') == 1
    assert 'fast_scnn_bdd100k_int8' in result.stdout


def test_show(tiny_model: Path) -> None:
    result = drivseg('models', 'show', str(tiny_model))
    assert result.returncode == 0, result.stderr
    for text in ('64x48', 'direct', 'alternative', 'background', 'fp32'):
        assert text in result.stdout
    card = json.loads(drivseg('models', 'show', str(tiny_model), '--json').stdout)
    assert [c['name'] for c in card['classes']] == ['direct', 'alternative', 'background']


def test_an_error_is_one_line() -> None:
    result = drivseg('models', 'show', 'no_such_model')
    assert result.returncode == 1
    assert result.stdout == ''
    assert "no model is called 'no_such_model'" in result.stderr
    assert 'Traceback' not in result.stderr


@pytest.mark.parametrize(
    ('version', 'expected'),
    [('0.9.0', 'typer 0.9.0 is too old; pip install'), (None, 'typer is not installed')],
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
