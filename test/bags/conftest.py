# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What tests that play and record share."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drivseg_ros.base.interruption import StopFlag

PATIENCE_S = 30.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f'in vain waited for {what}'
        time.sleep(0.01)


class Listener:
    """A node with raw subscriptions, and publishers for the tests of the recorder."""

    def __init__(self, node: Any, executor: Any) -> None:
        self.node = node
        self.heard: dict[str, list[bytes]] = {}
        self._executor = executor

    def listen(self, topic: str, kind: Any, qos: Any = 100) -> None:
        heard = self.heard.setdefault(topic, [])
        self.node.create_subscription(kind, topic, heard.append, qos, raw=True)

    def spin_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f'in vain waited for {what}'
            self._executor.spin_once(timeout_sec=0.02)


@pytest.fixture
def listener(ros_domain: int) -> Iterator[Listener]:
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('listener', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    yield Listener(node, executor)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


class Aside:
    """Runs a function in a thread, to be stopped by its flag."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        self.stop = StopFlag()
        self.notes: list[str] = []
        self._result: Any = None

        def run() -> None:
            try:
                self._result = function(
                    *arguments, stop=self.stop, notify=self.notes.append, **named
                )
            except Exception as error:
                self._result = error

        self._thread = threading.Thread(target=run)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def result(self) -> Any:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), 'it does not end'
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


@pytest.fixture
def aside() -> Iterator[Callable[..., Aside]]:
    """Starts functions in threads and ends them."""
    started: list[Aside] = []

    def start(function: Callable[..., Any], *arguments: Any, **named: Any) -> Aside:
        started.append(Aside(function, *arguments, **named))
        return started[-1]

    yield start
    for one in started:
        one.stop.request()
        one._thread.join(PATIENCE_S)


class Command:
    """The command `drivseg` as a process of its own."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        self.log = folder / f'{arguments[0]}.log'
        with self.log.open('w') as file:
            self._process = subprocess.Popen(
                [sys.executable, '-m', 'drivseg_ros.cli', *map(str, arguments)],
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.log.read_text()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def status(self) -> int:
        return self._process.wait(PATIENCE_S)

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.text or self._process.poll() is not None, text)
        assert text in self.text, self.text

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Starts `drivseg` with arguments; what still runs at the end is killed."""
    started: list[Command] = []

    def start(*arguments: object) -> Command:
        started.append(Command(tmp_path, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.end()
