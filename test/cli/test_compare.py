# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg compare`: its files, its exit status, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
from tiny_model import write_tiny_model
from typer.testing import CliRunner

pytest.importorskip('matplotlib', reason="matplotlib is not installed: pip install '.[report]'")

from drivseg_ros.cli.app import app
from drivseg_ros.model.card import ModelClass

SCENES = 'scenes,seeds=[5, 8],width=64,height=48'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tiny_model(tmp_path / 'first.onnx', name='first', work=1)
    whole = (ModelClass(0, 'road', (1, 1, 1), 'drivable'), ModelClass(1, 'rest', (0, 0, 0)))
    other = (*whole, ModelClass(2, 'sky', (0, 0, 1)))
    write_tiny_model(tmp_path / 'second.onnx', name='second', classes=other, batch=2)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(app, ['compare', *arguments])


def test_one_network_fails_and_the_others_go_on(folder: Path) -> None:
    result = run(
        *('second.onnx', 'first.onnx', '--data', SCENES, '--runs', '2', '--threads', '1'),
        *('--size', '32x24', '-o', 'out'),
    )
    assert result.exit_code == 1
    # A frame is one, and no two.
    assert 'second failed: onnxruntime@cpu: ' in result.output
    assert 'takes batches of 2 only' in result.output
    told = json.loads(Path('out/comparison.json').read_text())
    assert [row['title'] for row in told['rows']] == ['second', 'first']
    second, first = told['rows']
    assert (bool(first['problem']), bool(second['problem'])) == (False, True)
    assert told['data'][0]['frames'] == 3
    assert first['accuracy']['scenes']['miou'] is not None
    assert second['accuracy']['scenes']['miou'] is None
    assert second['accuracy']['scenes']['by_role']['drivable'] is not None
    assert first['times'][0]['segment']['count'] == 2
    assert first['times'][0]['threads'] == 1
    assert {'hardware', 'versions', 'created', 'command'} <= told.keys()
    table = Path('out/comparison.md').read_text()
    assert table.strip() in result.stdout
    assert '- second: ' in table
    assert cv2.imread('out/comparison.png') is not None


def test_without_times(folder: Path) -> None:
    call = ['first.onnx', '--data', SCENES, '--no-times', '-o', 'out']
    assert run(*call).exit_code == 0
    assert json.loads(Path('out/comparison.json').read_text())['rows'][0]['times'] == []
    assert 'ms' not in Path('out/comparison.md').read_text().split('\n\n')[1]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['absent.onnx', '--data', SCENES], 'no model file at absent.onnx'),
        (['first.onnx'], 'no data set to measure on'),
        (['first.onnx', '--data', 'nothing'], "no data set of the kind 'nothing'"),
        (['first.onnx', '--data', SCENES, '--set', 'epochs=2'], 'none was given'),
        (['first.onnx', '--data', SCENES, '--size', 'large'], "size 'large' is not understood"),
        (['first.onnx', '--data', SCENES, '--engine', 'steam'], "'steam' is no ENGINE"),
        (['first.onnx', '--data', SCENES, '-o', 'first.onnx'], 'cannot be written'),
    ],
)
def test_refusals(arguments: list[str], message: str, folder: Path) -> None:
    before = sorted(folder.rglob('*'))
    result = run(*arguments, *(() if '-o' in arguments else ('-o', 'out')))
    assert result.exit_code == 1
    with pytest.raises(Exception, match=message) as raised:
        raise result.exception or AssertionError
    assert type(raised.value).__module__ == 'drivseg_ros.errors'
    assert sorted(folder.rglob('*')) == before


@pytest.mark.parametrize(
    'number', [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_interrupted_it_leaves_nothing_behind(folder: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, '-m', 'drivseg_ros.cli', 'compare', 'first.onnx', '--data', SCENES),
            *('-o', 'out', '--runs', '100000', '--size', '32x24', '--threads', '1'),
        ],
        env={**os.environ, 'NO_COLOR': '1'},
        stderr=subprocess.PIPE,
        text=True,
    )
    workers: list[str] = []
    children = Path(f'/proc/{process.pid}/task/{process.pid}/children')
    try:
        while process.poll() is None and not workers:
            time.sleep(0.01)
            workers = children.read_text().split()
        time.sleep(0.2)  # so that it may also be found at work, and not only at its start
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 128 + number, errors
    errors = errors.lstrip('\n')  # old versions of Typer begin a line
    assert errors.startswith('interrupted; ')
    assert errors.count('\n') == 1
    assert not (folder / 'out').exists()
    assert not any(Path(f'/proc/{worker}').exists() for worker in workers)
