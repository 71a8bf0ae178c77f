# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Records topics into a bag: bytes as they come, with the wall time at which they came."""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivseg_ros.bags.live import (
    from_rclpy,
    installed_definition,
    message_class,
    ros_node,
    to_rclpy,
)
from drivseg_ros.bags.qos import request_for
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.base.interruption import StopFlag
from drivseg_ros.errors import BagError, ParameterError

log = logging.getLogger(__name__)

# Between looks for publishers: until all topics are found, and afterwards.
_LOOK_S = 0.05
_LOOK_AGAIN_S = 1.0
_SPIN_S = 0.02
# What may be in the middleware when the end is asked for is still taken, for this long at most.
_DRAIN_S = 0.5


@dataclass(frozen=True)
class RecordOptions:
    """What is recorded.

    Attributes:
        topics: names of the topics.
        output: the bag folder to make.
        overwrite: replace a bag that is there.
        duration_s: end after so long, counted from the moment all topics are found; 0: when
            stopped.
        wait_s: fail if a topic has no publisher for so long; 0: wait for ever.
        depth: messages the middleware keeps for us by topic.
        buffer_bytes: what may wait for the disk.
    """

    topics: tuple[str, ...]
    output: Path
    overwrite: bool = False
    duration_s: float = 0.0
    wait_s: float = 0.0
    depth: int = 100
    buffer_bytes: int = 256_000_000

    def __post_init__(self) -> None:
        if not self.topics:
            raise ParameterError('no topic is given; name those to record')
        if len(set(self.topics)) != len(self.topics):
            raise ParameterError(f'a topic is given twice: {", ".join(self.topics)}')
        for name, value in (('duration', self.duration_s), ('wait', self.wait_s)):
            if not (math.isfinite(value) and value >= 0):
                raise ParameterError(f'{name} {value} s is not possible; 0 or more')
        if self.depth < 1 or self.buffer_bytes < 1:
            raise ParameterError('depth and buffer must be 1 or more')


@dataclass(frozen=True)
class RecordReport:
    """What was recorded.

    Attributes:
        path: the bag.
        counts: messages by topic; 0 for topics that nobody published.
    """

    path: Path
    counts: Mapping[str, int]


def record(
    options: RecordOptions,
    *,
    stop: StopFlag,
    notify: Callable[[str], None] = lambda text: None,
    progress: Callable[[Mapping[str, int]], None] = lambda counts: None,
    ready: Callable[[], None] = lambda: None,
) -> RecordReport:
    """Records until stopped, or for a duration; the bag is closed properly in every case.

    Without a message no bag is left.

    A topic's type and quality of service are its publishers'; topics that have none yet are
    waited for. Messages are written by the bag's own thread, so receiving does not wait for the
    disk while the buffer has room.

    Args:
        options: see there.
        stop: set by a signal handler; record returns soon after.
        notify: called with what a user may want to know.
        progress: called with the messages by topic, some times a second.
        ready: called once all topics are subscribed to and matched.

    Raises:
        BagError: if the bag cannot be written, or publishers do not come in time.
        MissingDependencyError: if a topic's type is not installed.
    """
    topics = [t if t.startswith('/') else f'/{t}' for t in options.topics]
    with ExitStack() as stack:
        node = stack.enter_context(ros_node('drivseg_record'))
        writer = BagWriter(
            options.output, overwrite=options.overwrite, buffer_bytes=options.buffer_bytes
        )
        stack.callback(_leave_no_empty_bag, writer)
        stack.enter_context(writer)
        from rclpy.executors import SingleThreadedExecutor

        executor = SingleThreadedExecutor(context=node.context)
        executor.add_node(node)
        session = _Session(node, writer, options, notify)
        began = time.monotonic()
        ready_at: float | None = None
        look_at = began
        try:
            while not stop.requested:
                executor.spin_once(timeout_sec=_SPIN_S)
                now = time.monotonic()
                if ready_at is not None and 0 < options.duration_s <= now - ready_at:
                    break
                if now < look_at:
                    continue
                look_at = now + (_LOOK_S if ready_at is None else _LOOK_AGAIN_S)
                progress(writer.counts)
                session.subscribe(topics)
                if ready_at is None:
                    missing = [t for t in topics if not session.matched(t)]
                    if not missing:
                        ready_at = now
                        ready()
                    elif 0 < options.wait_s <= now - began:
                        raise BagError(
                            f'nobody publishes {", ".join(missing)} (waited {options.wait_s:g} s); '
                            'check the names with: ros2 topic list'
                        )
            _drain(executor, writer)
        finally:
            executor.shutdown()
        counts = {t: writer.counts.get(t, 0) for t in topics}
    progress(counts)
    return RecordReport(options.output, counts)


def _leave_no_empty_bag(writer: BagWriter) -> None:
    if not any(writer.counts.values()):
        shutil.rmtree(writer.path, ignore_errors=True)


class _Session:
    """The subscriptions of a recording."""

    def __init__(
        self, node: Any, writer: BagWriter, options: RecordOptions, notify: Callable[[str], None]
    ) -> None:
        self._node = node
        self._writer = writer
        self._options = options
        self._notify = notify
        self._subscriptions: dict[str, Any] = {}
        self._types: dict[str, str] = {}
        self._disputed: set[str] = set()
        self._warned = False

    def matched(self, topic: str) -> bool:
        """Whether the topic is subscribed to and a publisher knows."""
        subscription = self._subscriptions.get(topic)
        return subscription is not None and subscription.get_publisher_count() > 0

    def subscribe(self, topics: list[str]) -> None:
        """Subscribes to those topics that have a publisher by now, and reports odd publishers."""
        for topic in topics:
            publishers = self._node.get_publishers_info_by_topic(topic)
            if publishers and topic not in self._subscriptions:
                self._subscribe(topic, publishers)
            others = {p.topic_type for p in publishers} - {self._types.get(topic)}
            if others and topic not in self._disputed:
                self._disputed.add(topic)
                self._notify(
                    f'{topic} is published with several types: {self._types[topic]} is recorded, '
                    f'{", ".join(sorted(others))} is not'
                )

    def _subscribe(self, topic: str, publishers: list[Any]) -> None:
        msgtype = self._types[topic] = publishers[0].topic_type
        same = [p for p in publishers if p.topic_type == msgtype]
        offers = list(dict.fromkeys(from_rclpy(p.qos_profile) for p in same))
        request = request_for(offers, depth=self._options.depth)
        kind = message_class(msgtype)
        definition = installed_definition(msgtype)
        self._writer.add_topic(topic, msgtype, qos=offers, definition=definition)
        self._subscriptions[topic] = self._node.create_subscription(
            kind, topic, self._taker(topic), to_rclpy(request), raw=True
        )
        self._notify(f'found {topic} ({msgtype}; {request})')

    def _taker(self, topic: str) -> Callable[[bytes], None]:
        def take(data: bytes) -> None:
            now_ns = time.time_ns()
            self._writer.write(topic, now_ns, data)
            if not self._warned and self._writer.waiting_bytes > self._options.buffer_bytes // 2:
                self._warned = True
                log.warning('the disk is slower than what is recorded; soon messages will be lost')

        return take


def _drain(executor: Any, writer: BagWriter) -> None:
    """Takes what has arrived already."""
    deadline = time.monotonic() + _DRAIN_S
    idle = 0
    while idle < 3 and time.monotonic() < deadline:
        before = sum(writer.counts.values())
        executor.spin_once(timeout_sec=0.005)
        idle = 0 if sum(writer.counts.values()) > before else idle + 1
