# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Builders and askers that are killed in the middle of a build, and builds wanted twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from build_harness import SLOW, builders_of, needs_rtx, plans_in, prepare, wait_until_gone
from tiny_model import write_tiny_model

from drivseg_ros.engines.base import BuildProgress
from drivseg_ros.engines.plan_cache import PlanCache
from drivseg_ros.engines.plan_pruning import find_removals, remove
from drivseg_ros.engines.tensorrt_plan import get_plan
from drivseg_ros.errors import EngineError


@pytest.fixture
def cache(tmp_path: Path) -> PlanCache:
    return PlanCache(tmp_path / 'plans')


@needs_rtx
@pytest.mark.parametrize(
    ('number', 'expected'),
    [
        (signal.SIGKILL, r'of the builder was killed \(SIGKILL\), most often .* memory ran out'),
        (signal.SIGSEGV, r'the builder was ended by signal 11 \(Segmentation fault\)'),
    ],
)
def test_a_killed_builder(
    number: signal.Signals, expected: str, tmp_path: Path, cache: PlanCache
) -> None:
    model, key, target = prepare(write_tiny_model(tmp_path / 'm.onnx', work=SLOW))
    killed = []

    def kill(progress: BuildProgress) -> None:
        if 'Building' in progress.step and not killed:
            killed.extend(builders_of(os.getpid()))
            os.kill(killed[0], signal.SIGSTOP)  # it gets no further
            os.kill(killed[0], number)
            os.kill(killed[0], signal.SIGCONT)

    with pytest.raises(EngineError, match=expected):
        get_plan(model, key, target, cache=cache, on_progress=kill)
    assert len(killed) == 1
    assert plans_in(cache) == []
    assert get_plan(model, key, target, cache=cache)
    assert plans_in(cache) == ['.plan']


@needs_rtx
def test_an_asker_that_changes_its_mind(tmp_path: Path, cache: PlanCache) -> None:
    model, key, target = prepare(write_tiny_model(tmp_path / 'm.onnx', work=SLOW))
    builders = []

    def stop(progress: BuildProgress) -> None:
        builders.extend(builders_of(os.getpid()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get_plan(model, key, target, cache=cache, on_progress=stop)
    assert len(builders) == 1
    wait_until_gone(builders[0])
    assert plans_in(cache) == []


def start_build(model: Path, cache: PlanCache, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, '-m', 'drivseg_ros.cli', 'engine', 'build', str(model)),
            *('--compute-capability', '8.9', *options),
        ],
        env={**os.environ, 'DRIVSEG_CACHE': str(cache.directory), 'NO_COLOR': '1'},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@needs_rtx
@pytest.mark.parametrize('stopped', [True, False], ids=['stopped child', 'running child'])
def test_a_killed_asker(stopped: bool, tmp_path: Path, cache: PlanCache) -> None:
    path = write_tiny_model(tmp_path / 'm.onnx', work=SLOW)
    with start_build(path, cache) as asker:
        assert asker.stderr is not None
        for line in asker.stderr:
            if 'Building' in line:
                break
        (builder,) = builders_of(asker.pid)
        if stopped:
            os.kill(builder, signal.SIGSTOP)
        asker.kill()
    wait_until_gone(builder)
    model, key, target = prepare(path)
    assert cache.load(key) is None
    assert '.plan' not in plans_in(cache)
    told: list[BuildProgress] = []
    assert get_plan(model, key, target, cache=cache, on_progress=told.append)
    assert not any('waiting' in progress.step for progress in told)
    remove(find_removals(cache))
    assert plans_in(cache) == ['.plan']


@needs_rtx
def test_two_builds_at_once(tmp_path: Path, cache: PlanCache) -> None:
    path = write_tiny_model(tmp_path / 'm.onnx', work=SLOW)
    with start_build(path, cache) as first:
        assert first.stderr is not None
        assert 'reads the model' in first.stderr.readline()
        with start_build(path, cache) as second:
            outputs = [process.communicate()[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert outputs[0].splitlines()[0] == outputs[1].splitlines()[0]
    assert plans_in(cache) == ['.plan']
