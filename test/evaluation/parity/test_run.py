# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command: a row for each model and engine, an exit status, and numbers that add up."""

from __future__ import annotations

import importlib.util
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from color_bag import ColorBag
from command_line import drivseg
from parity_models import compared, write_frames, write_shifted_model
from tiny_model import write_tiny_model

from drivseg_ros.base.child import Worker
from drivseg_ros.engines.spec import EngineSpec
from drivseg_ros.errors import MissingDependencyError, ModelError
from drivseg_ros.evaluation.open_source import open_source
from drivseg_ros.evaluation.parity import run as parity_run
from drivseg_ros.evaluation.parity.run import Candidate, markdown_table, run_parity
from drivseg_ros.evaluation.parity.worker import RunRequest
from drivseg_ros.model.store import find_model

parity = partial(drivseg, 'parity')


def test_equal_models_pass_and_a_different_one_fails(tmp_path: Path, tiny_model: Path) -> None:
    data = write_frames(tmp_path / 'data')
    same = write_tiny_model(tmp_path / 'same.onnx', name='same')
    other = write_shifted_model(tmp_path / 'other.onnx', shift=20, name='other')
    common = ('--data', data, '--labels', 'bdd100k', '--engine', 'onnxruntime')
    result = parity(tiny_model, same, *common, '--json', tmp_path / 'same.json')
    assert result.returncode == 0, result.stderr
    assert '| same | onnxruntime fp32, cpu | 100.000 (100.00) |' in result.stdout
    report = json.loads((tmp_path / 'same.json').read_text())
    assert [row['verdict'] for row in report['rows']] == ['reference', 'pass']
    assert report['rows'][1]['miou_change_points'] == 0

    result = parity(tiny_model, same, other, *common, '--json', tmp_path / 'other.json')
    assert result.returncode == 1
    assert result.stderr.count('failed: ') == 1
    assert 'failed: other.onnx on onnxruntime (fp32, cpu):' in result.stderr
    report = json.loads((tmp_path / 'other.json').read_text())
    assert report['verdict'] == 'fail'
    assert [row['verdict'] for row in report['rows']] == ['reference', 'pass', 'fail']
    expected = compared(tiny_model, other, open_source(data, labels='bdd100k'))
    row = report['rows'][2]
    assert row['agreement_percent'] == pytest.approx(expected.agreement, abs=1e-4)
    assert row['miou_change_points'] == pytest.approx(expected.change('miou'), abs=1e-4)
    assert row['worst_frame']['name'] == expected.worst_frame
    assert expected.confidence is not None
    confidence = row['confidence_steps_of_255']
    assert confidence['mean'] == pytest.approx(expected.confidence.mean, abs=1e-4)
    assert report['input']['frames'] == 4
    assert report['reference']['metrics'] == report['rows'][0]['metrics']
    assert f'{report["rows"][0]["metrics"]["miou"]:.4f}'[2:4] in markdown_table(report)

    bounds = ('--min-agreement', '80', '--max-miou-change', '60')
    assert parity(tiny_model, other, *common, *bounds).returncode == 0


def test_a_bag_is_as_good_as_a_folder(tmp_path: Path, color_bag: ColorBag) -> None:
    model = write_tiny_model(tmp_path / 'tiny.onnx', width=128, height=96)
    result = parity(
        *(model, model, '--data', color_bag.path, '--label-topic', '/cam/label'),
        *('--engine', 'onnxruntime', '--limit', 5, '--json', tmp_path / 'parity.json'),
    )
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / 'parity.json').read_text())
    assert report['input']['frames'] == 5
    assert report['input']['data'] == 'color_bag'
    assert report['reference']['metrics']['miou'] == 1


@pytest.mark.parametrize(
    ('arguments', 'text'),
    [
        (['--data', 'no'], 'there is nothing at'),
        (['--data', 'data', '--engine', 'onnx'], 'is no ENGINE'),
        (['--data', 'data', '--labels', 'no'], "'no', which is no label map"),
    ],
)
def test_what_cannot_be_started_is_one_line(
    tmp_path: Path, tiny_model: Path, arguments: list[str], text: str
) -> None:
    write_frames(tmp_path / 'data', frames=1)
    paths = [tmp_path / a if a == 'data' else a for a in arguments]
    result = parity(tiny_model, *paths)
    assert result.returncode == 1
    assert text in ' '.join(result.stderr.split())
    assert 'Traceback' not in result.stderr


def test_a_report_that_cannot_be_written_is_refused_before_anything_runs(
    tmp_path: Path, tiny_model: Path
) -> None:
    data = write_frames(tmp_path / 'data', frames=1)
    for output in (tmp_path, tiny_model / 'parity.json'):
        result = parity(*(tiny_model, '--data', data, '--engine', 'onnxruntime', '--json', output))
        assert result.returncode == 1
        assert result.stdout == ''
        assert f"'{output}'" in result.stderr
        assert 'Traceback' not in result.stderr


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='this system has no /dev/full')
def test_a_full_disk_costs_the_report_only(tmp_path: Path, tiny_model: Path) -> None:
    data = write_frames(tmp_path / 'data', frames=1)
    result = parity(tiny_model, '--data', data, '--engine', 'onnxruntime', '--json', '/dev/full')
    assert result.returncode == 1
    assert '100.000' in result.stdout
    assert result.stderr.strip().startswith("drivseg: '/dev/full' cannot be written (No space left")
    assert 'Traceback' not in result.stderr
    assert Path('/dev/full').is_char_device()


def run(tmp_path: Path, specs: dict[Path, str], **options: Any) -> dict[str, Any]:
    candidates = [
        Candidate(find_model(str(model)), spec)
        for model, text in specs.items()
        for spec in [EngineSpec.parse(one, device='cpu') for one in text.split(',')]
    ]
    return run_parity(candidates, {'text': str(tmp_path / 'data'), 'with_labels': False}, **options)


def test_only_an_fp32_file_can_be_the_reference(tmp_path: Path) -> None:
    write_frames(tmp_path / 'data', frames=1)
    model = write_tiny_model(tmp_path / 'int8.onnx', precision='int8')
    with pytest.raises(ModelError, match=r'int8.onnx is int8; name the .onnx file in fp32'):
        run(tmp_path, {model: 'onnxruntime'})


def test_a_row_that_cannot_be_run_says_why_and_ends_alone(tmp_path: Path, tiny_model: Path) -> None:
    write_frames(tmp_path / 'data', frames=2)
    gone = write_tiny_model(tmp_path / 'gone.onnx')
    other = write_tiny_model(tmp_path / 'other.onnx', name='last')
    specs = {tiny_model: 'onnxruntime:bf16', gone: 'onnxruntime', other: 'onnxruntime'}

    def remove(what: str, done: int, total: int) -> None:
        gone.unlink(missing_ok=True)

    report = run(tmp_path, specs, on_progress=remove)
    assert [row['verdict'] for row in report['rows']] == ['not run', 'not run', 'pass']
    first, second = parity_run.failures(report)
    assert 'tiny.onnx on onnxruntime (bf16, cpu): ' in first
    assert "'bf16'" in first
    assert 'no model file at' in second
    assert '| – | not run |' in markdown_table(report)
    assert 'no labels: the masks alone are compared' in markdown_table(report)


def test_the_reference_runs_once_and_each_other_row_in_its_own_process(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_frames(tmp_path / 'data', frames=1)
    started: list[str] = []

    class Counted(Worker):
        def __init__(self, name: str, module: str) -> None:
            started.append(name)
            super().__init__(name, module)

    monkeypatch.setattr(parity_run, 'Worker', Counted)
    other = write_tiny_model(tmp_path / 'other.onnx', name='other')
    report = run(tmp_path, {tiny_model: 'onnxruntime,onnxruntime:fp32', other: 'onnxruntime'})
    assert len(started) == 2
    assert [row['verdict'] for row in report['rows']] == ['reference', 'reference', 'pass']


@pytest.mark.parametrize(('skip', 'verdict'), [(True, 'skipped'), (False, 'not run')])
def test_runtimes_that_are_not_installed(
    tmp_path: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    skip: bool,
    verdict: str,
) -> None:
    write_frames(tmp_path / 'data', frames=1)

    class Lacking(Worker):
        def ask(self, request: RunRequest, **rest: Any) -> Any:
            if request.spec.engine == 'openvino':
                raise MissingDependencyError('openvino is not installed')
            return super().ask(request, **rest)

    monkeypatch.setattr(parity_run, 'Worker', Lacking)
    report = run(tmp_path, {tiny_model: 'onnxruntime,openvino'}, skip_missing=skip)
    assert [row['verdict'] for row in report['rows']] == ['reference', verdict]
    assert report['verdict'] == ('pass' if skip else 'fail')


def test_real_engines_agree(tmp_path: Path, tiny_model: Path) -> None:
    if importlib.util.find_spec('openvino') is None:
        pytest.skip("openvino is not installed: pip install '.[openvino]'")
    write_frames(tmp_path / 'data', frames=2)
    report = run(tmp_path, {tiny_model: 'openvino:fp32'})
    assert report['rows'][0]['verdict'] == 'pass', report['rows'][0]['reasons']
    assert report['rows'][0]['agreement_percent'] == 100
