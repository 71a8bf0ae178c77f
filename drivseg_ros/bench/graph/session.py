# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A node between a sender and a receiver, each a process, in a ROS domain of their own."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drivseg_ros.base.child import Program, Worker
from drivseg_ros.base.latency import percentile
from drivseg_ros.base.usage import Usage, usage_below
from drivseg_ros.bench.graph.messages import InputChoice
from drivseg_ros.bench.graph.node_under_test import NodeUnderTest
from drivseg_ros.bench.graph.trial import Event, Trial, measure
from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.live.ros_domain import private_domain

_PACKAGE = 'drivseg_ros.bench.graph'
_LOOK_S = 0.05
_WARM_UP_EVERY_S = 0.25
_WARM_UP_FRAMES = 5
# Outputs are waited for until none has come for so long, or for three times as long as they took
# from one to the next.
_IDLE_S = 0.5
_DRAIN_S = 30.0


@dataclass(frozen=True)
class Setup:
    """What a node is measured with.

    Attributes:
        input: what is sent.
        cameras: how many cameras send it.
        model: path of the model file.
        threads: CPU threads of the runtime.
        depth: messages the sender keeps for a subscriber that lags.
        start_timeout_s: how long the node may take until its first output.
    """

    input: InputChoice
    cameras: int
    model: str
    threads: int
    depth: int = 10
    start_timeout_s: float = 60.0


class Session:
    """Starts a node, waits until it answers, and measures it; a context manager.

    Args:
        node: the node.
        setup: what it is measured with.
        folder: for logs.

    Raises:
        DrivsegError: on entering, if the node ends or does not answer, with the end of its log.
    """

    def __init__(self, node: NodeUnderTest, setup: Setup, folder: Path) -> None:
        self.node = node
        self.setup = setup
        self.input: dict[str, Any] = {}
        self.output_types: dict[str, str] = {}
        self.first_output_s = math.nan
        self._folder = folder
        self._stack = ExitStack()
        self._earlier: set[tuple[int, int]] = set()

    def __enter__(self) -> Session:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def trial(
        self, rate_hz: float, *, seconds: float, least: int = 2
    ) -> tuple[Trial, dict[str, Any]]:
        """One run.

        Args:
            rate_hz: of each camera.
            seconds: how long messages are sent.
            least: how many messages at least, even if that takes longer.

        Returns:
            The run, and what the node's processes used meanwhile.

        Raises:
            DrivsegError: if a process ends.
        """
        self._check()
        count = max(least, round(rate_hz * seconds))
        before, began = self._usage(), time.monotonic()
        sent = self._send(count, rate_hz)
        took_s = time.monotonic() - began
        during = self._usage()
        outputs = self._drain(sent, rate_hz=rate_hz)
        after = self._usage()
        self._check()
        trial = measure(
            sent,
            outputs,
            cameras=self.setup.cameras,
            rate_hz=rate_hz,
            earlier=self._earlier,
        )
        self._earlier.update(event.key for event in sent)
        answered = trial.ledger.received
        usage = {
            'cpu_share': round((during.cpu_s - before.cpu_s) / took_s, 4),
            'cpu_ms_by_output': round((after.cpu_s - before.cpu_s) * 1e3 / answered, 3)
            if answered
            else None,
            'memory_mb': during.memory_mb,
        }
        return trial, usage

    def _start(self) -> None:
        setup, stack = self.setup, self._stack
        environment = stack.enter_context(private_domain())
        self._folder.mkdir(parents=True, exist_ok=True)

        def worker(name: str) -> Worker:
            return stack.enter_context(
                Worker(
                    f'the {name}',
                    f'{_PACKAGE}.{name}',
                    log=self._folder / f'{name}.log',
                    environment=environment,
                    orderly=True,
                )
            )

        self._sender, self._receiver = worker('sender'), worker('receiver')
        topics = self.node.image_topics(setup.cameras)
        if setup.input.transport == 'compressed':
            topics = [f'{topic}/compressed' for topic in topics]
        self.input = self._sender.ask(
            {
                'do': 'load',
                'input': setup.input,
                'topics': topics,
                'depth': setup.depth,
            }
        )
        began = time.monotonic()
        self._process = stack.enter_context(
            Program(
                f'node {self.node.name}',
                self.node.command_line(
                    model=setup.model,
                    threads=setup.threads,
                    cameras=setup.cameras,
                    transport=setup.input.transport,
                ),
                log=self._folder / 'node.log',
                environment=environment,
            )
        )
        self._wait_for_answers(began)

    def _wait_for_answers(self, began: float) -> None:
        """Until every camera has had an output; then some more, which are not measured."""
        deadline = began + self.setup.start_timeout_s
        outputs = self.node.output_topics(self.setup.cameras)
        waiting = set(range(self.setup.cameras))
        mute: list[str] = []
        send_at = 0.0
        while waiting:
            self._check()
            heard = self._receiver.ask({'do': 'listen', 'topics': outputs})
            mute, self.output_types = heard['missing'], heard['types']
            deaf = [n for n in self._sender.ask({'do': 'subscribers'}) if not n]
            now = time.monotonic()
            if not mute and not deaf and now >= send_at:
                send_at = now + _WARM_UP_EVERY_S
                self._earlier.update(event.key for event in self._send(1, 1.0))
            for event in self._take():
                waiting.discard(event.camera)
                if not waiting:
                    self.first_output_s = event.time_ns / 1e9 - began
            if now > deadline:
                raise DrivsegError(self._silence(mute, len(deaf)))
            time.sleep(_LOOK_S)
        for _ in range(_WARM_UP_FRAMES):
            sent = self._send(1, 1.0)
            self._earlier.update(event.key for event in sent)
            self._drain(sent, rate_hz=1 / _WARM_UP_EVERY_S)

    def _silence(self, mute: list[str], deaf: int) -> str:
        if mute:
            what = f'nobody publishes {", ".join(mute)}'
        elif deaf:
            what = f'{deaf} of the image topics have no subscriber'
        else:
            what = 'no output came for the images that were sent'
        return (
            f'the node {self.node.name} did not answer within {self.setup.start_timeout_s:.0f} s: '
            f'{what}; it printed last:\n{self._process.log_end() or "(nothing)"}'
        )

    def _send(self, count: int, rate_hz: float) -> list[Event]:
        sent = self._sender.ask({'do': 'send', 'count': count, 'rate_hz': rate_hz})
        return [Event(*row) for row in sent]

    def _drain(self, sent: Sequence[Event], *, rate_hz: float) -> list[Event]:
        """The outputs, when all messages have one or no more are to be expected."""
        began = time.monotonic()
        outputs: list[Event] = []
        missing = {event.key for event in sent}
        idle_s = max(_IDLE_S, 3 / rate_hz)
        while missing and time.monotonic() < began + _DRAIN_S:
            self._check()
            self._receiver.ask(
                {'do': 'wait', 'count': len(missing), 'idle_s': idle_s, 'timeout_s': _DRAIN_S}
            )
            new = self._take()
            if not new:
                break
            outputs += new
            missing -= {event.key for event in new}
            if len(outputs) > 2:
                # A slow node needs more patience than a quick one.
                times = [event.time_ns for event in outputs]
                pause_ns = percentile(np.diff(times).tolist(), 90)
                idle_s = max(idle_s, min(3 * pause_ns / 1e9, _DRAIN_S / 3))
        return outputs

    def _take(self) -> list[Event]:
        taken = self._receiver.ask({'do': 'take'})
        return [Event(*row) for row in taken['outputs']]

    def _usage(self) -> Usage:
        return usage_below(self._process.pid)

    def _check(self) -> None:
        self._process.check(may_be_done=False)
