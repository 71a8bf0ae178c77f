# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluations of many bags: how tests ask for them, watch them and compare them."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation_cases import accuracy_in
from many_bags import COUNT, TRUNCATED

from drivseg_ros.bags.topics import BagTopics
from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.many.bags import ManyResult, entitle
from drivseg_ros.evaluation.many.runs import Finished, OnNote, Runs
from drivseg_ros.evaluation.many.worker import BagRequest, handle
from drivseg_ros.evaluation.request import EvaluationRequest, open_evaluation
from drivseg_ros.evaluation.result import Evaluation

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
        self, requests: Sequence[BagRequest], *, on_note: OnNote
    ) -> Generator[Finished, None, None]:
        for index, request in reversed([*enumerate(requests)]):
            try:
                answer = handle(request, lambda note: None)
                yield Finished(index, answer['content'], sink=answer['sink'])
            except DrivsegError as error:
                yield Finished(index, error=str(error))


def requests_of(folder: Path, names: Sequence[str], **changes: Any) -> list[EvaluationRequest]:
    asked = EvaluationRequest(
        '', str(folder / 'tiny.onnx'), engine='onnxruntime', threads=1, topics=TOPICS, draws=100
    )
    asked = dataclasses.replace(asked, **changes)
    return entitle([dataclasses.replace(asked, frames=str(folder / name)) for name in names])


def eight(folder: Path) -> list[EvaluationRequest]:
    return requests_of(folder, [f'drive{i}' for i in range(COUNT)])


def numbers(result: Evaluation) -> dict[str, Any]:
    """Everything that does not tell of when and how fast."""
    content = describe(result)
    for part in content['parts']:
        part.pop('times', None)
    content['metrics'] = accuracy_in(content)
    return {key: value for key, value in content.items() if key not in ('created', 'times')}


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
    told = [part['metrics']['miou'] for part in describe(expected)['parts']]
    assert len(set(told)) > 3
