# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines are tried in processes that may do what they like."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import write_tiny_model

from drivseg_ros.doctor.finding import Level
from drivseg_ros.doctor.trial import ENGINES, Trial, check_engines, describe, run_trial
from drivseg_ros.engines import ENGINE_NAMES

FINE = {
    'version': '1.2',
    'devices': ['cpu'],
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
    assert {*ENGINES, 'auto'} == set(ENGINE_NAMES)


def test_a_trial(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / 'm.onnx', batch=2)
    trial = run_trial('onnxruntime', str(model), tmp_path, self_test=True)
    assert trial.death == ''
    assert trial.result.keys() >= FINE.keys()
    assert trial.result['agreement'] == 1
    assert trial.result['infer_ms'] > 0
    # The next one is compared with the first one's reference.
    reference = np.load(tmp_path / 'reference.npy')
    np.save(tmp_path / 'reference.npy', reference + (np.arange(64) < 16))
    again = run_trial('auto', str(model), tmp_path, self_test=True)
    assert again.result['agreement'] == 0.75


def test_without_self_test(tmp_path: Path) -> None:
    trial = run_trial('onnxruntime', 'no such model', tmp_path, self_test=False)
    assert trial.death == ''
    assert 'cpu' in trial.result['devices']
    assert 'infer_ms' not in trial.result


def test_an_error_of_the_engine(tmp_path: Path) -> None:
    trial = run_trial('onnxruntime', 'no such model', tmp_path, self_test=True)
    assert trial.death == ''
    assert 'no such model' in trial.result['error']


@pytest.mark.parametrize(
    ('ending', 'expected'),
    [
        ('os.kill(os.getpid(), signal.SIGSEGV)', 'it crashed (SIGSEGV)'),
        ('time.sleep(60)', 'it hung, and was ended after 1 s'),
        ('raise OSError("libodd.so: cannot open")', 'OSError: libodd.so: cannot open'),
        ('sys.exit(3)', 'it ended with status 3'),
    ],
)
def test_a_library_that_takes_the_process_with_it(
    tmp_path: Path, ending: str, expected: str
) -> None:
    script = f"""
        import os, signal, sys, time
        path = sys.argv[sys.argv.index('--results') + 1]
        print('noise')
        open(path, 'a').write('{{"version": "1.2"}}' + chr(10))
        {ending}
    """
    path = tmp_path / 'child.py'
    path.write_text(textwrap.dedent(script))
    trial = run_trial(
        'openvino',
        'model',
        tmp_path,
        self_test=True,
        command=[sys.executable, str(path)],
        timeout_s=1.0,
    )
    assert trial.death == expected
    assert trial.result == {'version': '1.2'}
    (finding,) = describe('openvino', trial, self_test=True)
    assert finding.level is Level.PROBLEM
    assert f'1.2; {expected}' in finding.value
    assert not finding.stops


@pytest.mark.parametrize(
    ('engine', 'trial', 'self_test', 'level', 'stops', 'part'),
    [
        ('openvino', Trial(FINE), True, Level.OK, False, '1.2: cpu; one frame on cpu, fp32, 2 th'),
        ('auto', Trial(FINE), True, Level.OK, False, '12.3 ms'),
        ('auto', Trial(FINE), True, Level.OK, False, '(auto took it)'),
        ('auto', Trial({**FINE, 'agreement': 0.9}), True, Level.PROBLEM, True, '90.00 % of the'),
        ('torch', Trial({**FINE, 'agreement': 0.9}), True, Level.PROBLEM, False, '90.00 % of'),
        ('auto', Trial({'error': 'no engine'}), True, Level.PROBLEM, True, 'no engine'),
        ('onnxruntime', Trial({}, 'it crashed'), True, Level.PROBLEM, False, 'it crashed'),
        ('onnxruntime', Trial({}, 'it crashed'), False, Level.PROBLEM, True, 'it crashed'),
        ('torch', Trial({'missing': 'pip install it'}), True, Level.NOTE, False, 'not to be had'),
        (
            'tensorrt',
            Trial({'version': '10', 'untried': 'why'}),
            True,
            Level.NOTE,
            False,
            '10; why',
        ),
        (
            'openvino',
            Trial({'version': '1', 'devices': ['a', 'b']}),
            False,
            Level.OK,
            False,
            '1: a, b',
        ),
    ],
)
def test_describe(
    engine: str, trial: Trial, self_test: bool, level: Level, stops: bool, part: str
) -> None:
    (finding,) = describe(engine, trial, self_test=self_test)
    assert (finding.level, finding.stops) == (level, stops)
    assert part in finding.value
    if 'missing' in trial.result:
        assert finding.advice == 'pip install it'


def test_the_section_tells_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    from drivseg_ros.doctor import trial as module

    asked: list[Any] = []

    def run(engine: str, *_: Any, self_test: bool) -> Trial:
        asked.append((engine, self_test))
        return Trial({'missing': 'pip install it'})

    monkeypatch.setattr(module, 'run_trial', run)
    steps: list[str] = []
    section = check_engines('model', self_test=True, on_step=steps.append)
    assert asked == [(engine, True) for engine in (*ENGINES, 'auto')]
    assert len(section.findings) == len(steps) == len(asked)
    asked.clear()
    check_engines('model', self_test=False)
    assert asked == [(engine, False) for engine in ENGINES]
