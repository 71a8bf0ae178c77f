# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plays a bag: publishes its bytes as they are, at the times they were recorded."""

from __future__ import annotations

import errno
import json
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from drivseg_ros.bags.live import ros_node
from drivseg_ros.bags.outlets import Outlet, open_outlets
from drivseg_ros.bags.read_ahead import read_ahead
from drivseg_ros.bags.reader import BagMessage, BagReader
from drivseg_ros.bags.typestore import IMAGE_TYPES, header_stamp_ns
from drivseg_ros.base.interruption import StopFlag
from drivseg_ros.errors import BagError, ParameterError

log = logging.getLogger(__name__)

# A publisher knows of a subscriber a little earlier than the other way round.
_SETTLE_S = 0.5
_LOOP_GAP_S = 0.05
_HEAD_START_S = 0.05
_FLUSH_S = 3.0


@dataclass(frozen=True)
class PlayOptions:
    """How a bag is played.

    Attributes:
        speed: times the recorded one.
        loop: start again at the end, until stopped.
        clock_hz: rate of /clock; 0 for none.
        topics: the topics to play; empty for all.
        remap: recorded topic to published topic.
        delay_s: wait so long before the first message.
        wait_for_subscribers_s: wait at most so long until every image topic that is played has a
            subscriber, and fail if one has none; 0 to start at once.
        log: a file for one JSON line a message; None for none.
    """

    speed: float = 1.0
    loop: bool = False
    clock_hz: float = 0.0
    topics: tuple[str, ...] = ()
    remap: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    wait_for_subscribers_s: float = 0.0
    log: Path | None = None

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ('speed', self.speed, 0.001, 1000.0),
            ('clock rate', self.clock_hz, 0.0, 1000.0),
            ('delay', self.delay_s, 0.0, 86400.0),
            ('wait for subscribers', self.wait_for_subscribers_s, 0.0, 86400.0),
        ):
            if not (math.isfinite(value) and least <= value <= most):
                raise ParameterError(f'{name} {value} is out of range; {least:g} to {most:g}')


@dataclass(frozen=True)
class PlayReport:
    """What was played.

    Attributes:
        published: messages by topic.
        skipped: why topics were not played, by topic.
        passes: times the bag was begun.
        latest_ms: the largest delay of a message against its schedule.
        stopped: it was ended by a signal.
    """

    published: Mapping[str, int]
    skipped: Mapping[str, str]
    passes: int
    latest_ms: float
    stopped: bool


def play(
    reader: BagReader,
    options: PlayOptions,
    *,
    stop: StopFlag,
    notify: Callable[[str], None] = lambda text: None,
    progress: Callable[[float], None] = lambda seconds: None,
) -> PlayReport:
    """Plays a bag until its end or until stopped.

    Every message has its moment on one absolute schedule, so lateness of one does not move the
    next. With a log file, each line has ``topic``, ``stamp_ns`` (header stamp, or null),
    ``bag_time_ns``, ``due_ns`` and ``published_ns`` (wall clock, taken just before publishing) and
    ``pass`` (from 1).

    Args:
        reader: the bag.
        options: see there.
        stop: set by a signal handler; play returns soon after.
        notify: called with what a user may want to know: skipped topics, waiting, the start.
        progress: called with the seconds of the bag that are played.

    Raises:
        BagError: if a topic is not there or nothing can be played, subscribers do not come, or
            the bag is damaged.
    """
    with (
        ros_node('drivseg_play') as node,
        _log_file(options.log) as lines,
    ):
        outlets, skipped = open_outlets(
            node, reader, options.topics, options.remap, own_clock=options.clock_hz > 0
        )
        for topic, reason in skipped.items():
            notify(f'{topic} is not played: {reason}')
        clock = _Clock(node, options.clock_hz, options.speed) if options.clock_hz else None
        performance = _Performance(outlets, clock, lines, stop, progress, options.speed)
        passes = 0
        if _wait_for_subscribers(outlets, options.wait_for_subscribers_s, stop, notify):
            begin = time.monotonic() + options.delay_s
            notify('playing')
            while not stop.requested and (passes == 0 or options.loop):
                passes += 1
                with read_ahead(reader.messages(outlets), stop) as messages:
                    begin = performance.run(messages, begin, passes) + _LOOP_GAP_S
        if not stop.requested:
            _flush(outlets, stop)
    return PlayReport(
        published={t: performance.published[t] for t in outlets},
        skipped=skipped,
        passes=passes,
        latest_ms=performance.latest_s * 1e3,
        stopped=stop.requested,
    )


class _Clock:
    """Publishes /clock on the schedule of the messages."""

    def __init__(self, node: Any, hz: float, speed: float) -> None:
        from rosgraph_msgs.msg import Clock

        self._message = Clock
        self._publisher = node.create_publisher(Clock, '/clock', 1)
        self._period_s = 1 / hz
        self._speed = speed

    def ticks(self, begin: float, start_ns: int) -> Iterator[tuple[float, int]]:
        """When to tick, in seconds of time.monotonic(), without end, and the times to publish."""
        number = 0
        while True:
            after = number * self._period_s
            yield begin + after, start_ns + round(after * self._speed * 1e9)
            number += 1

    def publish(self, time_ns: int) -> None:
        message = self._message()
        message.clock.sec, message.clock.nanosec = divmod(time_ns, 1_000_000_000)
        self._publisher.publish(message)


class _Performance:
    """Publishes one pass after the other and keeps the books."""

    def __init__(
        self,
        outlets: Mapping[str, Outlet],
        clock: _Clock | None,
        lines: TextIO | None,
        stop: StopFlag,
        progress: Callable[[float], None],
        speed: float,
    ) -> None:
        self.published: Counter[str] = Counter()
        self.latest_s = 0.0
        self._outlets = outlets
        self._clock = clock
        self._lines = lines
        self._stop = stop
        self._progress = progress
        self._speed = speed
        self._strange: set[str] = set()

    def run(self, messages: Iterator[BagMessage], begin: float, number: int) -> float:
        """One pass.

        Args:
            messages: in order of time.
            begin: when the first is due at the earliest, in seconds of time.monotonic().
            number: of the pass.

        Returns:
            When the last message was due.
        """
        first = next(messages, None)
        if first is None:
            return begin
        # A reader that only now has the first message will have the next ones in a moment.
        begin = max(begin, time.monotonic() + _HEAD_START_S)
        wall_offset_ns = time.time_ns() - round(time.monotonic() * 1e9)
        ticks = self._clock.ticks(begin, first.time_ns) if self._clock else iter(())
        tick = next(ticks, None)
        due = begin
        for message in chain([first], messages):
            seconds = (message.time_ns - first.time_ns) / 1e9
            due = begin + seconds / self._speed
            while self._clock and tick and tick[0] <= due and self._stop.sleep_until(tick[0]):
                self._clock.publish(tick[1])
                tick = next(ticks, None)
            if not self._stop.sleep_until(due):
                break
            self._publish(message, due, wall_offset_ns, number)
            self._progress(seconds)
        return due

    def _publish(self, message: BagMessage, due: float, wall_offset_ns: int, number: int) -> None:
        outlet = self._outlets[message.topic]
        if message.msgtype != outlet.msgtype:
            if message.msgtype not in self._strange:
                self._strange.add(message.msgtype)
                log.warning(
                    '%s was recorded with several types; %s is played, %s is not',
                    message.topic,
                    outlet.msgtype,
                    message.msgtype,
                )
            return
        now_ns = time.time_ns()
        self.latest_s = max(self.latest_s, time.monotonic() - due)
        outlet.publisher.publish(message.data)
        self.published[message.topic] += 1
        if self._lines is not None:
            line = {
                'topic': outlet.topic,
                'stamp_ns': header_stamp_ns(message.data) if outlet.has_header else None,
                'bag_time_ns': message.time_ns,
                'due_ns': round(due * 1e9) + wall_offset_ns,
                'published_ns': now_ns,
                'pass': number,
            }
            self._lines.write(json.dumps(line) + '\n')


@contextmanager
def _log_file(path: Path | None) -> Iterator[TextIO | None]:
    try:
        # By line, so that who watches the file sees how far the player is.
        file = nullcontext() if path is None else path.open('w', buffering=1, encoding='utf-8')
    except OSError as error:
        raise BagError(f"the log '{path}' cannot be written: {error}") from error
    try:
        with file as lines:
            yield lines
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):  # nothing else here writes
            raise
        raise BagError(
            f"the log '{path}' cannot be written ({error.strerror}); make room there"
        ) from error


def _wait_for_subscribers(
    outlets: Mapping[str, Outlet], wait_s: float, stop: StopFlag, notify: Callable[[str], None]
) -> bool:
    """Waits until every image topic has a subscriber; False if stopped before."""
    if not wait_s:
        return True
    images = [o for o in outlets.values() if o.msgtype in IMAGE_TYPES]
    deadline = time.monotonic() + wait_s
    notified = False
    while alone := [o.topic for o in images if not o.publisher.get_subscription_count()]:
        if not notified:
            notify(f'waiting for a subscriber to {", ".join(alone)}')
            notified = True
        if time.monotonic() > deadline:
            raise BagError(
                f'nobody subscribed to {", ".join(alone)} within {wait_s:g} s; start the '
                'subscriber, wait longer, or choose what is played with --topic'
            )
        if not stop.sleep_until(time.monotonic() + 0.02):
            return False
    return stop.sleep_until(time.monotonic() + _SETTLE_S)


def _flush(outlets: Mapping[str, Outlet], stop: StopFlag) -> None:
    """Waits until reliable subscribers have what was published, but not for ever."""
    from rclpy.duration import Duration

    deadline = time.monotonic() + _FLUSH_S
    for outlet in outlets.values():
        while time.monotonic() < deadline and not stop.requested:
            if outlet.publisher.wait_for_all_acked(Duration(seconds=0.05)):
                break
