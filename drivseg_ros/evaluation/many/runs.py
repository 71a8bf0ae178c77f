# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where bags are evaluated: in processes of this machine, so many at a time."""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivseg_ros.base.child import Worker
from drivseg_ros.errors import DrivsegError, ParameterError
from drivseg_ros.evaluation.many.worker import BagRequest

MAX_JOBS = 256
# A live run ends node, player and recorder one after the other.
_PATIENCE_S = 20.0


@dataclass(frozen=True, eq=False)
class Finished:
    """A bag that is done with.

    Attributes:
        index: its place among those asked for.
        content: what `evaluation_file.describe` gave; None if it failed.
        error: why it failed.
        sink: what its sink exported; None without one.
    """

    index: int
    content: Mapping[str, Any] | None = None
    error: str = ''
    sink: Any = None


OnNote = Callable[[int, Mapping[str, Any]], None]
"""Called with the place of a bag and a note of its worker; what it raises ends the run."""


class Runs(ABC):
    """Where bags are evaluated, each in a process of its own."""

    @abstractmethod
    def run(
        self, requests: Sequence[BagRequest], *, on_note: OnNote
    ) -> Generator[Finished, None, None]:
        """Evaluates bags; one that fails, or whose process dies, leaves the others alone.

        If the iterator is closed before its end, nothing goes on running.

        Args:
            requests: the bags.
            on_note: called in this thread.

        Yields:
            Each bag as it is done with, in any order.
        """


class LocalRuns(Runs):
    """Processes of this machine.

    Args:
        jobs: so many at a time.

    Raises:
        ParameterError: if that is not allowed.
    """

    def __init__(self, jobs: int) -> None:
        if not 1 <= jobs <= MAX_JOBS:
            raise ParameterError(f'{jobs} jobs were asked for; 1 to {MAX_JOBS} are allowed')
        self._jobs = jobs

    def run(
        self, requests: Sequence[BagRequest], *, on_note: OnNote
    ) -> Generator[Finished, None, None]:
        """See `Runs`."""
        crew = _Crew(requests)
        try:
            crew.start(min(self._jobs, len(requests)))
            left = len(requests)
            while left:
                index, event = crew.events.get()
                if isinstance(event, Finished):
                    left -= 1
                    yield event
                else:
                    on_note(index, event)
        finally:
            crew.stop()


class _Crew:
    """Threads that each look after one worker at a time."""

    def __init__(self, requests: Sequence[BagRequest]) -> None:
        self.events: queue.SimpleQueue[tuple[int, Finished | Mapping[str, Any]]] = (
            queue.SimpleQueue()
        )
        self._requests = requests
        self._left = iter(range(len(requests)))
        self._lock = threading.Lock()
        self._stopped = False
        self._workers: set[Worker] = set()
        self._threads: list[threading.Thread] = []

    def start(self, count: int) -> None:
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for worker in self._workers:
                worker.terminate()
        deadline = time.monotonic() + _PATIENCE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            for worker in self._workers:
                worker.kill()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._lock:
                index = next(self._left, None)
                if index is None or self._stopped:
                    return
                request = self._requests[index]
                try:
                    worker = Worker(request.asked.frames, 'drivseg_ros.evaluation.many.worker')
                except OSError as error:
                    self._put(index, Finished(index, error=f'no process can be started: {error}'))
                    continue
                self._workers.add(worker)
            self._put(index, self._ask(worker, index, request))
            with self._lock:
                self._workers.discard(worker)

    def _ask(self, worker: Worker, index: int, request: BagRequest) -> Finished:
        try:
            with worker:
                answer = worker.ask(
                    request,
                    on_note=lambda note: self._put(index, note),
                )
        except DrivsegError as error:
            return Finished(index, error=str(error))
        except Exception as error:  # a thread that died would be waited for
            return Finished(index, error=f'{type(error).__name__}: {error}')
        return Finished(index, answer['content'], sink=answer['sink'])

    def _put(self, index: int, event: Finished | Mapping[str, Any]) -> None:
        self.events.put((index, event))
