# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags for evaluations of many, the requests, and what must come of them."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from color_bag import write_color_bag
from evaluation_cases import accuracy_in

from drivseg_ros.bags.topics import BagTopics
from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.many.bags import ManyResult, entitle
from drivseg_ros.evaluation.many.runs import Finished, OnNote, Runs
from drivseg_ros.evaluation.many.worker import BagRequest, handle
from drivseg_ros.evaluation.request import EvaluationRequest, open_evaluation
from drivseg_ros.evaluation.result import Evaluation

TOPICS = ('--image-topic', '/cam/image_raw', '--label-topic', '/cam/label')
PIPES_AS_FILES = Path(__file__).with_name('pipes_as_files')
COUNT = 8
TRUNCATED = 3


def write_bags(folder: Path, count: int = COUNT) -> list[Path]:
    """Bags of two to four frames; no two have the same metrics."""
    bags = [folder / f'drive{i}' for i in range(count)]
    for i, bag in enumerate(bags):
        write_color_bag(bag, frames=2 + i % 3, wrong_label=i % 2 if i > 1 else None)
    return bags


def truncate(bag: Path, size: int) -> None:
    """Leaves so many bytes of a bag's storage."""
    (storage,) = (p for p in bag.iterdir() if p.name != 'metadata.yaml')
    os.truncate(storage, size)


def write_endless_bag(bag: Path, patch: pytest.MonkeyPatch) -> Path:
    """A bag whose reader waits until it is killed: its metadata is a pipe; returns the pipe."""
    let_pipes_pass(patch)
    bag.mkdir()
    os.mkfifo(bag / 'metadata.yaml')
    return bag / 'metadata.yaml'


def let_pipes_pass(patch: pytest.MonkeyPatch) -> None:
    """Pipes pass for files, here and in processes that are started from now on.

    As recordings they are refused; here one stands for a disk that never answers.
    """
    paths = [str(PIPES_AS_FILES), os.environ.get('PYTHONPATH', '')]
    patch.setenv('PYTHONPATH', os.pathsep.join(paths).rstrip(os.pathsep))
    is_file = Path.is_file
    patch.setattr(Path, 'is_file', lambda self: is_file(self) or self.is_fifo())


class Reader:
    """The process that opens a pipe; waits for it.

    Args:
        pipe: the pipe, which is held open from then on, with nothing in it.
    """

    def __init__(self, pipe: Path) -> None:
        self._pipe = pipe
        self._file = pipe.open('w')  # returns when somebody reads
        self.pid = self._find()

    def _find(self) -> int:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for found in Path('/proc').glob('[0-9]*'):
                if int(found.name) != os.getpid() and str(self._pipe) in _open_files(found):
                    return int(found.name)
        raise RuntimeError(f'nobody has {self._pipe} open')

    def ends(self) -> bool:
        """Waits for its end; whether it came."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if _state(self.pid) in ('', 'Z'):
                return True
            time.sleep(0.05)
        return False

    def close(self) -> None:
        """Lets go of the pipe."""
        with suppress(BrokenPipeError):
            self._file.close()


def kill_reader(pipe: Path, number: int) -> threading.Thread:
    """Sends a signal to the process that will open a pipe; the thread that waits for it."""

    def wait() -> None:
        reader = Reader(pipe)
        os.kill(reader.pid, number)
        reader.ends()
        reader.close()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def _open_files(process: Path) -> set[str]:
    names = set()
    with suppress(OSError):  # it has ended, or is somebody else's
        for descriptor in (process / 'fd').iterdir():
            with suppress(OSError):
                names.add(os.readlink(descriptor))
    return names


def _state(pid: int) -> str:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except OSError:
        return ''


BAG_TOPICS = BagTopics('/cam/image_raw', '/cam/label')


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
        '', str(folder / 'tiny.onnx'), engine='onnxruntime', threads=1, topics=BAG_TOPICS, draws=100
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
