# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Publishes /diagnostics: periodically, and when the node's state changes or its engine hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.callback_groups import CallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.timer import Timer

from drivseg_ros.base.diagnostics import DIAGNOSTICS_TOPIC

_DEPTH = 10  # a change of state and the next period may fall together
_WATCH_PERIOD_S = 0.25


class DiagnosticsPublisher:
    """Publishes what it is given.

    Args:
        node: the node that publishes.
        statuses: makes the statuses of the moment.
        hangs: whether the engine hangs; a change is published at once, whatever the period.
        alive: whether ROS runs; if not, publishing fails and nobody wants to know.
        callback_group: the group that the timer is in.
    """

    def __init__(
        self,
        node: Node,
        *,
        statuses: Callable[[], Sequence[DiagnosticStatus]],
        hangs: Callable[[], bool],
        alive: Callable[[], bool],
        callback_group: CallbackGroup,
    ) -> None:
        self._node = node
        self._statuses = statuses
        self._hangs = hangs
        self._hung = False
        self._alive = alive
        self._group = callback_group
        self._lock = threading.Lock()
        # A stopped /clock must not silence the diagnostics.
        self._clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer: Timer | None = None
        self._publisher = node.create_publisher(DiagnosticArray, DIAGNOSTICS_TOPIC, _DEPTH)
        node.create_timer(
            _WATCH_PERIOD_S, self._watch, callback_group=callback_group, clock=self._clock
        )

    def start(self, *, period_s: float) -> None:
        """Publishes in this period from now on."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
        self._timer = self._node.create_timer(
            period_s, self.publish, callback_group=self._group, clock=self._clock
        )

    def publish(self) -> None:
        """Publishes now; any thread may call it."""
        if not self._alive():
            return
        try:
            with self._lock:
                message = DiagnosticArray(status=self._statuses())
                message.header.stamp = self._node.get_clock().now().to_msg()
                self._publisher.publish(message)
        except Exception:
            if self._alive():  # else ROS was shut down meanwhile
                raise

    def _watch(self) -> None:
        hangs = self._hangs()
        if hangs != self._hung:
            self._hung = hangs
            self.publish()
