# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines are tried in processes that may do what they like."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import write_tiny_model

from drivseg_ros.doctor.finding import Level
from drivseg_ros.doctor.trial import check_engines, describe, engine_names, run_trial
from drivseg_ros.engines import ENGINE_NAMES

FINE = {
    'version': '1.2',
    'devices': ['cpu'],
    'remark': '',
    'engine': 'onnxruntime',
    'device': 'cpu',
    'precision': 'fp32',
    'threads': 2,
    'choice': 'auto took it',
    'load_ms': 100.0,
    'infer_ms': 12.34,
    'agreement': 1.0,
}


def test_every_engine_is_on_the_page() -> None:
    assert {*engine_names(), 'auto'} == set(ENGINE_NAMES)


def test_a_trial(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / 'm.onnx', batch=2)
    result = run_trial('onnxruntime', tmp_path, self_test=True, model=str(model))
    assert result.keys() == FINE.keys()
    assert result['agreement'] == 1
    assert result['infer_ms'] > 0
    # The next one is compared with the first one's reference.
    reference = np.load(tmp_path / 'reference.npy')
    np.save(tmp_path / 'reference.npy', reference + (np.arange(64) < 16))
    again = run_trial('auto', tmp_path, self_test=True, model=str(model))
    assert again['agreement'] == 0.75


def test_a_trial_of_an_engine_for_checkpoints(tmp_path: Path) -> None:
    pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")
    result = run_trial('torch', tmp_path, self_test=True)
    assert result['engine'] == 'torch', result
    assert result['agreement'] > 0.999


def test_without_self_test(tmp_path: Path) -> None:
    result = run_trial('onnxruntime', tmp_path, self_test=False, model='no such model')
    assert result.keys() == {'version', 'devices', 'remark'}
    assert 'cpu' in result['devices']


def test_an_error_of_the_engine(tmp_path: Path) -> None:
    result = run_trial('onnxruntime', tmp_path, self_test=True, model='no such model')
    assert result.keys() == {'version', 'devices', 'remark', 'error'}
    assert 'no such model' in result['error']


@pytest.mark.parametrize(
    ('ending', 'expected'),
    [
        (
            'os.kill(os.getpid(), signal.SIGSEGV)',
            'the process of openvino was ended by signal 11 (Segmentation fault); it printed last: '
            'noise',
        ),
        ('time.sleep(60)', 'openvino hung, and was ended after 4 s'),
        ('raise OSError("libodd.so: cannot open")', 'OSError: libodd.so: cannot open'),
        (
            'sys.exit(3)',
            'the process of openvino ended with exit status 3; it printed last: noise',
        ),
    ],
)
def test_a_library_that_takes_the_process_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, expected: str
) -> None:
    script = f"""
        import os, signal, sys, time
        from drivseg_ros.base.child import serve

        def handle(request, note):
            print('noise', flush=True)
            note({{'version': '1.2'}})
            {ending}

        serve(handle)
    """
    (tmp_path / 'odd_child.py').write_text(textwrap.dedent(script))
    root = Path(__file__).resolve().parents[2]
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}{os.pathsep}{root}')
    timeout_s = 4.0 if 'sleep' in ending else 60.0
    result = run_trial(
        'openvino', tmp_path, self_test=True, module='odd_child', timeout_s=timeout_s
    )
    assert result == {'version': '1.2', 'error': expected}
    (finding,) = describe('openvino', result, self_test=True)
    assert finding.level is Level.PROBLEM
    assert f'1.2; {expected}' in finding.value
    assert not finding.stops


@pytest.mark.parametrize(
    ('engine', 'result', 'self_test', 'level', 'stops', 'part'),
    [
        ('openvino', FINE, True, Level.OK, False, '1.2: cpu; one frame on cpu, fp32, 2 th'),
        ('auto', FINE, True, Level.OK, False, '12.3 ms'),
        ('auto', FINE, True, Level.OK, False, '(auto took it)'),
        ('auto', {**FINE, 'agreement': 0.9}, True, Level.PROBLEM, True, '90.00 % of the'),
        ('torch', {**FINE, 'agreement': 0.9}, True, Level.PROBLEM, False, '90.00 % of'),
        ('auto', {'error': 'no engine'}, True, Level.PROBLEM, True, 'no engine'),
        ('onnxruntime', {'error': 'it crashed'}, True, Level.PROBLEM, False, 'it crashed'),
        ('onnxruntime', {'error': 'it crashed'}, False, Level.PROBLEM, True, 'it crashed'),
        ('torch', {'missing': 'pip install it'}, True, Level.NOTE, False, 'not available'),
        (
            'tensorrt',
            {'version': '10', 'devices': ['cuda:0'], 'untried': 'why'},
            True,
            Level.NOTE,
            False,
            '10: cuda:0; not tried: why',
        ),
        (
            'tensorrt',
            {'version': '10', 'devices': [], 'remark': 'but'},
            True,
            Level.NOTE,
            False,
            '10: this machine has no device for it; but',
        ),
        (
            'openvino',
            {'version': '1', 'devices': ['a', 'b']},
            False,
            Level.OK,
            False,
            '1: a, b',
        ),
    ],
)
def test_describe(
    engine: str, result: dict[str, Any], self_test: bool, level: Level, stops: bool, part: str
) -> None:
    (finding,) = describe(engine, result, self_test=self_test)
    assert (finding.level, finding.stops) == (level, stops)
    assert part in finding.value
    if 'missing' in result:
        assert finding.advice == 'pip install it'


def test_the_section_tells_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    from drivseg_ros.doctor import trial as module

    asked: list[Any] = []

    def run(engine: str, *_: Any, self_test: bool) -> dict[str, Any]:
        asked.append((engine, self_test))
        return {'missing': 'pip install it'}

    monkeypatch.setattr(module, 'run_trial', run)
    steps: list[str] = []
    section = check_engines(self_test=True, on_step=steps.append)
    assert asked == [(engine, True) for engine in (*engine_names(), 'auto')]
    assert len(section.findings) == len(steps) == len(asked)
    asked.clear()
    check_engines(self_test=False)
    assert asked == [(engine, False) for engine in engine_names()]
