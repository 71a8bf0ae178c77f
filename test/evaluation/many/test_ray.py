# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Many bags on a real Ray of this machine: the numbers of processes; what Ray lacks is reported."""

from __future__ import annotations

import dataclasses
import importlib.util
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from many_bags import (
    Seen,
    check_eight,
    eight,
    kill_reader,
    let_pipes_pass,
    requests_of,
    write_endless_bag,
)

from drivseg_ros.base.gpus import find_gpus
from drivseg_ros.errors import DrivsegError, EngineError, MissingDependencyError, ParameterError
from drivseg_ros.evaluation.many.bags import evaluate_many
from drivseg_ros.evaluation.many.ray import RayRuns, evaluate_on_node
from drivseg_ros.evaluation.many.worker import BagRequest

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec('ray') is None, reason='Ray is not installed (extra: ray)'
)


def asked(folder: Path) -> list[BagRequest]:
    return [BagRequest(request, '') for request in eight(folder)]


@needs_ray
def test_eight_bags_on_ray(eight_bags: Path) -> None:
    seen, before = Seen(), signal.getsignal(signal.SIGTERM)
    many = evaluate_many(eight(eight_bags), RayRuns('local', jobs=2), watcher=seen)
    check_eight(many, seen, eight_bags)
    assert signal.getsignal(signal.SIGTERM) == before


@needs_ray
def test_an_address_at_which_there_is_no_ray(eight_bags: Path) -> None:
    with pytest.raises(DrivsegError, match='no connection to Ray at'):
        next(RayRuns('127.0.0.1:9').run(asked(eight_bags), on_note=lambda i, note: None))


@needs_ray
def test_jobs_that_are_not_allowed() -> None:
    with pytest.raises(ParameterError, match='300 jobs'):
        RayRuns('local', jobs=300)


@needs_ray
def test_no_ray_to_take(eight_bags: Path) -> None:
    with pytest.raises(DrivsegError, match='connected to no Ray'):
        next(RayRuns(None).run(asked(eight_bags), on_note=lambda i, note: None))


@pytest.fixture(scope='module')
def our_ray() -> Iterator[None]:
    """A Ray that was there before; to start it takes seconds."""
    ray = pytest.importorskip('ray', reason='Ray is not installed (extra: ray)')
    with pytest.MonkeyPatch.context() as patch:
        let_pipes_pass(patch)  # in its processes
        ray.init('local', num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield
    assert ray.is_initialized()  # it was left running
    ray.shutdown()


@pytest.mark.usefixtures('our_ray')
@pytest.mark.skipif(bool(find_gpus()), reason='there is a GPU')
def test_a_gpu_that_is_not_there(eight_bags: Path) -> None:
    request = dataclasses.replace(eight(eight_bags)[0], device='cuda')
    with pytest.raises(EngineError, match='no 1 CPU, 1 GPU on this machine'):
        next(RayRuns(None, jobs=1).run([BagRequest(request, '')], on_note=lambda i, note: None))


@pytest.mark.usefixtures('our_ray')
def test_a_process_that_crashes_takes_no_other_bag_down(
    eight_bags: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = write_endless_bag(tmp_path / 'endless', monkeypatch)
    requests = requests_of(eight_bags, ['drive0', str(pipe.parent), 'drive1'])
    killer = kill_reader(pipe, signal.SIGSEGV)
    many = evaluate_many(requests, RayRuns(None, jobs=1), watcher=Seen())
    killer.join()
    assert sorted(many.results) == [0, 2]
    assert 'WorkerCrashedError' in many.broken[str(pipe.parent)]


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(MissingDependencyError, match=r'pip install .*\[ray\]'):
        RayRuns('local')


@pytest.mark.parametrize(
    ('folder', 'sizes', 'message'),
    [
        ('.', [('drive0.mcap', 1)], 'drive0 is another one on'),
        ('.', None, ''),
        ('nowhere', None, 'nowhere is not on'),
    ],
)
def test_a_node_on_which_something_else_lies(
    eight_bags: Path, monkeypatch: pytest.MonkeyPatch, folder: str, sizes: Any, message: str
) -> None:
    monkeypatch.chdir(eight_bags)
    request = BagRequest(requests_of(eight_bags, ['drive0'])[0], '')
    answer = evaluate_on_node(request, str(eight_bags / folder), sizes)
    assert message in answer.get('error', '')
    assert ('content' in answer) == (not message)
