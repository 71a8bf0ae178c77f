# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg quantize`: what it says, what it refuses, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from command_line import COMMAND, drivseg
from convolution_model import write_colour_frames, write_convolution_model
from typer.testing import CliRunner

from drivseg_ros.cli.app import app
from drivseg_ros.model.file import read_model_file

LIFT = 300.0


@pytest.fixture(scope='session')
def colour_frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colour_frames(tmp_path_factory.mktemp('colours'), 40)


quantize = partial(drivseg, 'quantize')


def test_it_writes_a_model_and_says_how_good_it_is(tmp_path: Path, colour_frames: Path) -> None:
    source = write_convolution_model(tmp_path / 'm.onnx')
    output = tmp_path / 'm_int8.onnx'
    result = quantize(
        source, '--data', colour_frames, '--labels', 'labels', '--output', output, '--threads', '1'
    )
    assert result.returncode == 0, result.stderr
    # So small a network may gain nothing; there is nothing else to complain of.
    assert all(line.startswith('int8 gains') for line in result.stderr.splitlines() if line)
    for text in ('onnxruntime', 'tensorrt form', 'faster', ' ×', 'ms', str(output)):
        assert text in result.stdout
    assert 'calibrated on 20 frames of ' in result.stdout
    assert 'evaluated on 20 others' in result.stdout
    assert read_model_file(output).card.precision == 'int8'


def test_lost_parity_writes_nothing_unless_allowed(tmp_path: Path, colour_frames: Path) -> None:
    source = write_convolution_model(tmp_path / 'm.onnx', lift=LIFT)
    output = tmp_path / 'm_int8.onnx'
    arguments = [source, '--data', colour_frames, '--output', output, '--keep-float', '0']
    result = quantize(*arguments)
    assert result.returncode == 1
    assert f'drivseg: {output} is not written' in result.stderr
    assert 'less than the bound of 99.5 %' in result.stderr
    assert '--keep-float 4' in result.stderr
    assert '--allow-failed-parity' in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ['m.onnx']
    allowed = quantize(*arguments, '--allow-failed-parity')
    assert allowed.returncode == 0
    assert 'written although it fails: onnxruntime' in allowed.stderr
    assert 'for CPUs only: TensorRT needs a form' in allowed.stderr
    parity = read_model_file(output).card.provenance['quantisation']['parity']
    assert parity['onnxruntime']['keeps_bounds'] is False


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    source = write_convolution_model(tmp_path / 'm.onnx')
    many = write_colour_frames(tmp_path / 'many', 1000)
    temporary, results = tmp_path / 'temporary', tmp_path / 'results'
    temporary.mkdir()
    results.mkdir()
    arguments = ['--data', many, '--output', results / 'm.onnx', '--evaluation-frames', '500']
    process = subprocess.Popen(
        [*COMMAND, 'quantize', source, *arguments],
        env={**os.environ, 'TMPDIR': str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        # It is evaluating when its models lie there.
        while process.poll() is None and not list(temporary.glob('*/symmetric.onnx')):
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode not in (0, -signal.SIGKILL), stderr
    assert b'Traceback' not in stderr
    assert list(temporary.glob('drivseg*')) == list(results.iterdir()) == []


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'model': 'nobody'}, "no model is called 'nobody'"),
        ({'--output': 'm.bin'}, 'must end in .onnx'),
        ({'--output': 'there.onnx'}, r"there.onnx' exists; .*--overwrite"),
        ({'--output': 'm.onnx'}, "m.onnx' is read, and would be replaced"),
        (
            {'--output': 'there.onnx/new.onnx'},
            "new.onnx' cannot be written; name a file",
        ),
        ({'--keep-float': 'all'}, "--keep-float 'all' is not understood; give 'auto' or a number"),
        ({'--keep-float': '-1'}, "--keep-float '-1' is not understood"),
        ({'--data': 'nowhere'}, 'there is nothing at'),
        ({'--data': 'few'}, r'few has 19 frames; at least 20 are needed .*--evaluation-data'),
        ({'--labels': 'nothing'}, "'nothing', which is no label map"),
        ({'--evaluation-data': 'few', '--image-topic': '/t'}, r'neither .* nor few is a bag'),
        ({'--evaluation-data': 'nowhere'}, 'there is nothing at'),
        (
            {'--data': 'few', '--evaluation-data': './few'},
            'few is what it is calibrated on, .* leave --evaluation-data',
        ),
    ],
    ids=lambda value: ' '.join(map(' '.join, value.items())) if isinstance(value, dict) else '',
)
def test_refusals(
    change: dict[str, str],
    message: str,
    tmp_path: Path,
    colour_frames: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_convolution_model(tmp_path / 'm.onnx')
    write_colour_frames(tmp_path / 'few', 19)
    (tmp_path / 'there.onnx').write_text('precious')
    before = sorted(tmp_path.rglob('*'))
    given = {'--data': str(colour_frames), '--output': 'new.onnx', **change}
    model = given.pop('model', './m.onnx')
    result = CliRunner().invoke(
        app, ['quantize', model, *(word for pair in given.items() for word in pair)]
    )
    assert result.exit_code == 1
    with pytest.raises(Exception, match=message) as raised:
        raise result.exception or AssertionError
    assert type(raised.value).__module__ == 'drivseg_ros.errors'
    assert sorted(tmp_path.rglob('*')) == before
    assert (tmp_path / 'there.onnx').read_text() == 'precious'


def test_without_onnx_it_says_what_to_install() -> None:
    code = (
        'import sys; sys.modules["onnx"] = None; '
        'sys.argv = ["drivseg", "quantize", "m", "--data", ".", "--output", "o.onnx"]; '
        'from drivseg_ros.cli.main import main; main()'
    )
    result = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert 'drivseg: quantising needs onnx, which is not installed: ' in (result.stderr)
