# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Many bags: the same numbers however they are run, and what breaks takes nothing along."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from many_bags import (
    COUNT,
    TRUNCATED,
    Reader,
    RunsHere,
    Seen,
    check_eight,
    eight,
    kill_reader,
    requests_of,
    write_bags,
    write_endless_bag,
)
from tiny_model import write_tiny_model

import drivseg_ros
from drivseg_ros.errors import (
    DataError,
    ParameterError,
)
from drivseg_ros.evaluation.many.bags import entitle, evaluate_many
from drivseg_ros.evaluation.many.runs import Finished, LocalRuns
from drivseg_ros.evaluation.measured import Terms
from drivseg_ros.evaluation.request import EvaluationRequest


@pytest.mark.parametrize('jobs', [pytest.param(1, marks=pytest.mark.slow), 2])
def test_eight_bags_in_processes(eight_bags: Path, jobs: int) -> None:
    seen = Seen()
    many = evaluate_many(eight(eight_bags), LocalRuns(jobs), watcher=seen)
    check_eight(many, seen, eight_bags)
    assert seen.frames == {i: 2 + i % 3 for i in range(COUNT) if i != TRUNCATED}


def test_a_process_that_crashes_takes_no_other_bag_down(
    eight_bags: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = write_endless_bag(tmp_path / 'endless', monkeypatch)
    requests = requests_of(eight_bags, ['drive0', str(pipe.parent), 'drive1'])
    killer = kill_reader(pipe, signal.SIGSEGV)
    many = evaluate_many(requests, LocalRuns(1), watcher=Seen())
    killer.join()
    assert sorted(many.results) == [0, 2]
    assert 'was ended by signal 11 (Segmentation fault)' in many.broken[str(pipe.parent)]


@pytest.mark.parametrize('jobs', [1, 2])
def test_terms_that_are_refused_end_all(
    eight_bags: Path, tmp_path: Path, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = write_endless_bag(tmp_path / 'endless', monkeypatch)
    requests = requests_of(eight_bags, ['drive0', str(pipe.parent)])
    readers: list[Reader] = []

    def refuse(terms: object) -> None:
        if jobs == 2:
            readers.append(Reader(pipe))  # both are at work
        raise ParameterError('no such metric')

    with pytest.raises(ParameterError, match='no such metric'):
        evaluate_many(requests, LocalRuns(jobs), watcher=Seen(), check_terms=refuse)
    for reader in readers:
        assert reader.ends()
        reader.close()


def test_a_bag_of_other_terms_is_left_out(eight_bags: Path, tmp_path: Path) -> None:
    requests = requests_of(eight_bags, ['drive0', 'drive1', 'drive2'])
    requests[1] = dataclasses.replace(requests[1], labels=other_labels(tmp_path))
    many = evaluate_many(requests, RunsHere(), watcher=Seen())
    assert many.broken[requests[1].frames] == (
        'two evaluations with other classes cannot be put together: of the labels direct (direct), '
        'alternative (alternative), background, by role drivable; and of the '
        'labels a (drivable), b, by role road'
    )
    assert sorted(many.results) == [0, 2]
    assert [part.title for part in many.merge().parts] == ['drive0', 'drive2']


def other_labels(folder: Path) -> str:
    path = folder / 'other.yaml'
    path.write_text('classes: [{name: a, values: [0, 1], role: drivable}, {name: b, values: [2]}]')
    return str(path)


def test_a_bag_that_the_limits_are_not_for_is_left_out(eight_bags: Path, tmp_path: Path) -> None:
    requests = requests_of(eight_bags, ['drive0', 'drive1', 'drive2'])
    requests[0] = dataclasses.replace(requests[0], labels=other_labels(tmp_path))

    def look(terms: Terms) -> None:
        if len(terms.matching.truth) != 3:
            raise ParameterError('no such metric')

    seen = Seen()
    many = evaluate_many(requests, RunsHere(), watcher=seen, check_terms=look)
    assert many.broken == {requests[0].frames: 'no such metric'}
    assert sorted(many.results) == [1, 2]
    # Where the first that is looked at is not as hoped for, the rest is not worth the work.
    requests[2] = dataclasses.replace(requests[2], labels=requests[0].labels)
    seen = Seen()
    with pytest.raises(ParameterError, match='drive2: no such metric'):
        evaluate_many(requests, RunsHere(), watcher=seen, check_terms=look)
    assert seen.done == []


def test_when_all_fail_the_first_reason_is_told(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / 'tiny.onnx')
    for name in ('a', 'b'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'x.mcap').write_bytes(b'')
    seen = Seen()
    many = evaluate_many(requests_of(tmp_path, ['a', 'b']), RunsHere(), watcher=seen)
    with pytest.raises(DataError, match=r'none of 2 bags could be evaluated; the first: .*x\.mcap'):
        many.merge()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'versions': {'drivseg_ros': '0.0.1'}}, f'0.0.1, and this is {drivseg_ros.__version__}'),
        (
            {'network': {'sha256': 'x', 'file': 'tiny.onnx'}},
            'another tiny.onnx than that of this machine',
        ),
        ({'frames': []}, 'were changed'),
    ],
)
def test_results_of_other_code_or_models_are_refused(
    eight_bags: Path, change: dict[str, Any], message: str
) -> None:
    class Elsewhere(RunsHere):
        def run(self, *arguments: Any, **named: Any) -> Generator[Finished, None, None]:
            for one in super().run(*arguments, **named):
                yield Finished(one.index, {**(one.content or {}), **change})

    many = evaluate_many(requests_of(eight_bags, ['drive0']), Elsewhere(), watcher=Seen())
    assert message in next(iter(many.broken.values()))


@pytest.mark.parametrize(
    ('given', 'titles'),
    [
        (['a/x', 'a/y'], ['x', 'y']),
        (['a/x', 'b/x', 'b/y'], ['a/x', 'b/x', 'y']),
        (['m/a/x', 'n/a/x'], ['m/a/x', 'n/a/x']),
        (['folder=frames', 'folder:held_out=frames'], ['folder=frames', 'folder:held_out=frames']),
    ],
)
def test_titles(given: list[str], titles: list[str]) -> None:
    asked = entitle([EvaluationRequest(text, 'model') for text in given])
    assert [one.title for one in asked] == titles


def test_a_bag_given_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'x').mkdir()
    with pytest.raises(ParameterError, match='given twice'):
        entitle([EvaluationRequest(text, 'model') for text in ('x', f'{tmp_path}/x/')])


def test_a_file_of_a_bag_beside_the_bag_is_refused(eight_bags: Path) -> None:
    (storage,) = (eight_bags / 'drive1').glob('*.mcap')
    given = [str(eight_bags / 'drive0'), str(storage), str(eight_bags / 'drive1')]
    with pytest.raises(ParameterError, match=r'mcap is inside of .*drive1, which is given, too'):
        entitle([EvaluationRequest(text, 'model') for text in given])


def test_bags_of_one_name_are_drawn_apart(eight_bags: Path, tmp_path: Path) -> None:
    for name in ('monday', 'tuesday'):
        (tmp_path / name).mkdir()
        write_bags(tmp_path / name, 1)
    requests = requests_of(
        eight_bags, [str(tmp_path / d / 'drive0') for d in ('monday', 'tuesday')]
    )
    merged = evaluate_many(requests, RunsHere(), watcher=Seen()).merge()
    assert list(merged.groups) == [f'{d}/drive0, from 0 s' for d in ('monday', 'tuesday')]


def test_jobs_that_are_not_allowed() -> None:
    with pytest.raises(ParameterError, match='0 jobs'):
        LocalRuns(0)
