# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Many bags: the same numbers however they are run, and what breaks takes nothing along."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from color_bag import color_image
from many_bags import COUNT, TRUNCATED, Reader, kill_reader, truncate, write_bags, write_endless_bag
from tiny_model import write_tiny_model

import drivseg_ros
from drivseg_ros.errors import (
    DataError,
    DrivsegError,
    EngineError,
    MissingDependencyError,
    ParameterError,
)
from drivseg_ros.evaluation.bag_source import BagTopics
from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.evaluation_request import EvaluationRequest, open_evaluation
from drivseg_ros.evaluation.evaluation_result import EvaluationResult
from drivseg_ros.evaluation.kept_results import KeptResults
from drivseg_ros.evaluation.many import ManyResult, entitle, evaluate_many
from drivseg_ros.evaluation.many_ray import RayRuns, evaluate_on_node
from drivseg_ros.evaluation.many_runs import Finished, LocalRuns, OnNote, Runs
from drivseg_ros.evaluation.many_worker import handle

TOPICS = BagTopics('/cam/image_raw', '/cam/label')


class Seen:
    """A watcher that writes down what it is told."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.earlier: list[int] = []
        self.failed: dict[int, str] = {}
        self.frames: dict[int, int] = {}

    def kept(self, index: int) -> None:
        self.earlier.append(index)

    def note(self, index: int, note: Mapping[str, Any]) -> None:
        if 'done' in note:
            self.frames[index] = note['done']

    def finished(self, index: int, error: str) -> None:
        if error:
            self.failed[index] = error
        else:
            self.done.append(index)


class RunsHere(Runs):
    """Evaluates in this process, the last bag first."""

    def run(
        self, requests: Sequence[EvaluationRequest], *, command: str, on_note: OnNote
    ) -> Generator[Finished, None, None]:
        for index, request in reversed([*enumerate(requests)]):
            asked = {'asked': request.to_dict(), 'command': command}
            try:
                yield Finished(index, handle(asked, lambda note: None))
            except DrivsegError as error:
                yield Finished(index, error=str(error))


@pytest.fixture(scope='module')
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight bags, one of them truncated, and a model that makes mistakes."""
    folder = tmp_path_factory.mktemp('many')
    truncate(write_bags(folder)[TRUNCATED], 60)
    write_tiny_model(folder / 'tiny.onnx', width=8, height=6)
    return folder


def requests_of(folder: Path, names: Sequence[str], **changes: Any) -> list[EvaluationRequest]:
    asked = EvaluationRequest(
        '', str(folder / 'tiny.onnx'), engine='onnxruntime', threads=1, topics=TOPICS, draws=100
    )
    asked = dataclasses.replace(asked, **changes)
    return entitle([dataclasses.replace(asked, frames=str(folder / name)) for name in names])


def eight(folder: Path) -> list[EvaluationRequest]:
    return requests_of(folder, [f'drive{i}' for i in range(COUNT)])


def numbers(result: EvaluationResult) -> dict[str, Any]:
    """Everything that does not tell of when and how fast."""
    content = describe(result)
    for part in content['parts']:
        part.pop('times', None)
    apart = ('created', 'times', 'time_figures')
    return {key: value for key, value in content.items() if key not in apart}


def check_eight(many: ManyResult, seen: Seen, place: Path) -> None:
    """Holds a run against bags that were evaluated one by one, in this process."""
    assert list(many.broken) == [str(place / f'drive{TRUNCATED}')]
    assert 'breaks off before its first whole message' in many.broken[f'{place}/drive{TRUNCATED}']
    assert not many.check().passed
    assert f'drive{TRUNCATED}: ' in many.check().frames[0]
    alone = []
    for index, request in enumerate(eight(place)):
        if index != TRUNCATED:
            with open_evaluation(request) as opened:
                alone.append(opened.run())
    expected = alone[0]
    for one in alone[1:]:
        expected = expected.merge(one)
    assert numbers(many.merge()) == numbers(expected)
    assert sorted(seen.done) == [i for i in range(COUNT) if i != TRUNCATED]
    assert list(seen.failed) == [TRUNCATED]
    # The bags differ, so that order and places could not be mixed up unseen.
    told = [part['figures']['miou'] for part in describe(expected)['parts']]
    assert len(set(told)) > 3


@pytest.mark.parametrize('jobs', [1, 2])
def test_eight_bags_in_processes(place: Path, jobs: int) -> None:
    seen = Seen()
    many = evaluate_many(eight(place), LocalRuns(jobs), watcher=seen)
    check_eight(many, seen, place)
    assert seen.frames == {i: 2 + i % 3 for i in range(COUNT) if i != TRUNCATED}


def test_eight_bags_on_ray(place: Path) -> None:
    pytest.importorskip('ray', reason='Ray is not installed (extra: ray)')
    seen = Seen()
    many = evaluate_many(eight(place), RayRuns('local', jobs=2), watcher=seen)
    check_eight(many, seen, place)


def test_what_ray_refuses(place: Path) -> None:
    pytest.importorskip('ray', reason='Ray is not installed (extra: ray)')
    with pytest.raises(DrivsegError, match='no connection to Ray at'):
        next(RayRuns('127.0.0.1:9').run(eight(place), command='', on_note=lambda i, note: None))
    with pytest.raises(ParameterError, match='300 jobs'):
        RayRuns('local', jobs=300)
    request = dataclasses.replace(eight(place)[0], device='cuda')
    with pytest.raises(EngineError, match='no 1 CPU, 1 GPU on this machine'):
        next(RayRuns('local', jobs=1).run([request], command='', on_note=lambda i, note: None))


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'drivseg_ros\[ray\]'"):
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
    place: Path, monkeypatch: pytest.MonkeyPatch, folder: str, sizes: Any, message: str
) -> None:
    monkeypatch.chdir(place)
    asked = {'asked': requests_of(place, ['drive0'])[0].to_dict(), 'command': ''}
    answer = evaluate_on_node(asked, str(place / folder), sizes)
    assert message in answer.get('error', '')
    assert ('content' in answer) == (not message)


def kinds_of_runs() -> list[Any]:
    return [
        pytest.param(lambda: LocalRuns(1), 'ended with SIGSEGV', id='processes'),
        pytest.param(lambda: RayRuns('local', jobs=1), 'WorkerCrashedError', id='ray'),
    ]


@pytest.mark.parametrize(('make', 'message'), kinds_of_runs())
def test_a_process_that_crashes_takes_no_other_bag_down(
    place: Path, tmp_path: Path, make: Any, message: str
) -> None:
    if message == 'WorkerCrashedError':
        pytest.importorskip('ray', reason='Ray is not installed (extra: ray)')
    pipe = write_endless_bag(tmp_path / 'endless')
    requests = requests_of(place, ['drive0', str(pipe.parent), 'drive1'])
    killer = kill_reader(pipe, signal.SIGSEGV)
    seen = Seen()
    many = evaluate_many(requests, make(), watcher=seen)
    killer.join()
    assert sorted(many.results) == [0, 2]
    assert message in many.broken[str(pipe.parent)]
    assert 'SIGSEGV' in many.broken[str(pipe.parent)] or message == 'WorkerCrashedError'


@pytest.mark.parametrize('jobs', [1, 2])
def test_terms_that_are_refused_end_all(place: Path, tmp_path: Path, jobs: int) -> None:
    pipe = write_endless_bag(tmp_path / 'endless')
    requests = requests_of(place, ['drive0', str(pipe.parent)])
    readers: list[Reader] = []

    def refuse(matching: object, settings: object) -> None:
        if jobs == 2:
            readers.append(Reader(pipe))  # both are at work
        raise ParameterError('no such figure')

    with pytest.raises(ParameterError, match='no such figure'):
        evaluate_many(requests, LocalRuns(jobs), watcher=Seen(), check_terms=refuse)
    for reader in readers:
        assert reader.ends()
        reader.close()


def test_only_what_is_missing_is_done(place: Path, tmp_path: Path) -> None:
    bags = write_bags(tmp_path, 4)
    model = tmp_path / 'tiny.onnx'
    write_tiny_model(model)
    kept = KeptResults(tmp_path / 'kept')

    def run(*, resume: bool = True, **changes: Any) -> tuple[EvaluationResult, list[int]]:
        requests = requests_of(tmp_path, [bag.name for bag in bags], **changes)
        seen = Seen()
        many = evaluate_many(requests, RunsHere(), watcher=seen, kept=kept, resume=resume)
        assert sorted(seen.earlier + seen.done) == [0, 1, 2, 3]
        return many.merge(), sorted(seen.done)

    first, done = run()
    assert done == [0, 1, 2, 3]
    assert sorted(p.name for p in kept.folder.iterdir()) == [f'drive{i}.json' for i in range(4)]
    again, done = run()
    assert done == []
    assert numbers(again) == numbers(first)
    assert run(threads=2)[1] == []  # which changes no figure
    assert run(resume=False)[1] == [0, 1, 2, 3]

    kept.path('drive1').unlink()
    assert run()[1] == [1]
    torn = kept.path('drive2')
    torn.write_bytes(torn.read_bytes()[:-100])
    assert run()[1] == [2]
    # Counts that somebody changed.
    torn.write_text(torn.read_text().replace('"label_sha256": "', '"label_sha256": "0', 1))
    assert run()[1] == [2]
    (storage,) = (p for p in bags[0].iterdir() if p.suffix == '.mcap')
    os.utime(storage, ns=(1, 1))
    assert run()[1] == [0]
    for changes in ({'bands': 2}, {'limit': 1}, {'labels': 'bdd100k'}, {'draws': 200}):
        assert run(**changes)[1] == [0, 1, 2, 3], changes
        assert run(**changes)[1] == [], changes
    run()
    write_tiny_model(model, width=8, height=6)
    assert run()[1] == [0, 1, 2, 3]

    # Another folder is the same bag.
    moved = tmp_path / 'elsewhere'
    moved.mkdir()
    for bag in bags:
        bag.rename(moved / bag.name)
    bags[:] = [moved / bag.name for bag in bags]
    requests = requests_of(tmp_path, [f'elsewhere/{bag.name}' for bag in bags])
    seen = Seen()
    evaluate_many(requests, RunsHere(), watcher=seen, kept=kept, resume=True)
    assert seen.earlier == [0, 1, 2, 3]


def test_a_bag_that_failed_is_tried_again(tmp_path: Path) -> None:
    bags = write_bags(tmp_path, 2)
    write_tiny_model(tmp_path / 'tiny.onnx')
    (storage,) = (p for p in bags[1].iterdir() if p.suffix == '.mcap')
    whole = storage.read_bytes()
    truncate(bags[1], 60)
    kept = KeptResults(tmp_path / 'kept')
    requests = requests_of(tmp_path, ['drive0', 'drive1'])
    for done, failed in ([0], [1]), ([], [1]), ([1], []):
        seen = Seen()
        evaluate_many(requests, RunsHere(), watcher=seen, kept=kept, resume=True)
        assert (seen.done, list(seen.failed)) == (done, failed)
        if not done:
            storage.write_bytes(whole)


def test_a_bag_of_other_terms_is_left_out(place: Path, tmp_path: Path) -> None:
    labels = tmp_path / 'other.yaml'
    labels.write_text(
        'classes: [{name: a, values: [0, 1], role: drivable}, {name: b, values: [2]}]'
    )
    requests = requests_of(place, ['drive0', 'drive1', 'drive2'])
    requests[1] = dataclasses.replace(requests[1], labels=str(labels))
    many = evaluate_many(requests, RunsHere(), watcher=Seen())
    assert 'other classes cannot be put together' in many.broken[requests[1].frames]
    assert sorted(many.results) == [0, 2]
    assert [part.title for part in many.merge().parts] == ['drive0', 'drive2']


def write_folder(folder: Path, seed: int) -> None:
    for kind in ('images', 'labels'):
        (folder / kind).mkdir(parents=True)
    for i in range(2):
        image = color_image(seed + i)
        cv2.imwrite(str(folder / f'images/{i}.png'), image[..., ::-1])
        cv2.imwrite(str(folder / f'labels/{i}.png'), image.argmax(-1).astype(np.uint8))


def test_data_sets_beside_bags(place: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / 'data/one', 1)
    write_folder(tmp_path / 'data/two', 3)
    asked = requests_of(place, ['drive0'], sequence=False)[0]
    plain = dataclasses.replace(asked, topics=BagTopics(), data=str(tmp_path / 'data'))
    texts = [f'folder=${{data}}/{name},classes=bdd100k' for name in ('one', 'two')]
    requests = entitle([asked, *(dataclasses.replace(plain, frames=text) for text in texts)])
    kept = KeptResults(tmp_path / 'kept')

    def run() -> tuple[ManyResult, list[int]]:
        seen = Seen()
        many = evaluate_many(requests, RunsHere(), watcher=seen, kept=kept, resume=True)
        return many, sorted(seen.done)

    many, done = run()
    assert (many.broken, done) == ({}, [0, 1, 2])
    assert [part.title for part in many.merge().parts] == ['drive0', *texts]
    assert run()[1] == []
    (tmp_path / 'data/one/attributes.csv').write_text('name,weather\n0.png,rain\n')
    many, done = run()
    assert done == [1]
    assert 'weather=rain' in [one['name'] for one in describe(many.merge())['slices']]
    write_folder(tmp_path / 'data/other', 9)
    os.replace(tmp_path / 'data/other/images/0.png', tmp_path / 'data/two/images/0.png')
    assert run()[1] == [2]

    # Frames of a drive follow each other, those of a set do not, unless one says so.
    requests = [dataclasses.replace(request, sequence=None) for request in requests]
    many, _ = run()
    assert list(many.broken) == texts
    assert all('--no-sequence' in text for text in many.broken.values())


def test_masks_that_are_there(place: Path, tmp_path: Path) -> None:
    requests = requests_of(
        place,
        ['drive0', 'drive2'],
        model=None,
        topics=BagTopics('/cam/image_raw', mask='/cam/label'),
        labels='bdd100k',
    )
    kept = KeptResults(tmp_path / 'kept')
    for done in [0, 1], []:
        seen = Seen()
        many = evaluate_many(requests, RunsHere(), watcher=seen, kept=kept, resume=True)
        assert many.merge().counts.processed == 2 + 4
        assert sorted(seen.done) == done


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
        ({'network': {'sha256': 'x', 'file': 'tiny.onnx'}}, 'another tiny.onnx than lies here'),
        ({'frames': []}, 'were changed'),
    ],
)
def test_results_of_other_code_or_models_are_refused(
    place: Path, change: dict[str, Any], message: str
) -> None:
    class Elsewhere(RunsHere):
        def run(self, *arguments: Any, **named: Any) -> Generator[Finished, None, None]:
            for one in super().run(*arguments, **named):
                yield Finished(one.index, {**(one.content or {}), **change})

    many = evaluate_many(requests_of(place, ['drive0']), Elsewhere(), watcher=Seen())
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


def test_bags_of_one_name_are_drawn_apart(place: Path, tmp_path: Path) -> None:
    for name in ('monday', 'tuesday'):
        (tmp_path / name).mkdir()
        write_bags(tmp_path / name, 1)
    requests = requests_of(place, [str(tmp_path / d / 'drive0') for d in ('monday', 'tuesday')])
    merged = evaluate_many(requests, RunsHere(), watcher=Seen()).merge()
    assert list(merged.groups) == [f'{d}/drive0, from 0 s' for d in ('monday', 'tuesday')]


@pytest.mark.parametrize(
    ('title', 'name'),
    [('drive', 'drive.json'), ('a/drive', 'a_drive-'), ('../x', '_x-'), ('a' * 300, 'a' * 100)],
)
def test_names_of_kept_files(tmp_path: Path, title: str, name: str) -> None:
    path = KeptResults(tmp_path).path(title)
    assert path.parent == tmp_path
    assert path.name.startswith(name)
    assert len(path.name) < 130


def test_other_titles_have_other_files(tmp_path: Path) -> None:
    kept = KeptResults(tmp_path)
    assert len({kept.path(t) for t in ('a/b', 'a_b', 'a b', 'a-b')}) == 4


def test_jobs_that_are_not_allowed() -> None:
    with pytest.raises(ParameterError, match='0 jobs'):
        LocalRuns(0)
