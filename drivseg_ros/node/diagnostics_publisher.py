# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tells /diagnostics how the node is, periodically and whenever its state changes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.callback_groups import CallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.timer import Timer

from drivseg_ros.node.camera import Camera
from drivseg_ros.node.diagnostics import (
    DIAGNOSTICS_TOPIC,
    EngineReport,
    camera_status,
    engine_status,
)
from drivseg_ros.node.health import judge_camera

if TYPE_CHECKING:
    from drivseg_ros.node.lifecycle_node import SegmentationNode

_DEPTH = 10  # a change of state and the next period may fall together


class DiagnosticsPublisher:
    """Publishes one status for the engine and one for each camera.

    Args:
        node: the node to tell of.
        dds_profile: the Fast DDS profile in use.
        callback_group: the group that the timer is in.
    """

    def __init__(
        self, node: SegmentationNode, *, dds_profile: str, callback_group: CallbackGroup
    ) -> None:
        self._node = node
        self._dds_profile = dds_profile
        self._group = callback_group
        self._lock = threading.Lock()
        # A stopped /clock must not silence the diagnostics.
        self._clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer: Timer | None = None
        self._publisher = node.create_publisher(DiagnosticArray, DIAGNOSTICS_TOPIC, _DEPTH)

    def start(self, *, period_s: float) -> None:
        """Publishes in this period from now on."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
        self._timer = self._node.create_timer(
            period_s, self.publish, callback_group=self._group, clock=self._clock
        )

    def publish(self) -> None:
        """Publishes now; any thread may call it."""
        if not self._node.alive():
            return
        try:
            with self._lock:
                message = DiagnosticArray(status=self._statuses())
                message.header.stamp = self._node.get_clock().now().to_msg()
                self._publisher.publish(message)
        except Exception:
            if self._node.alive():  # else ROS was shut down meanwhile
                raise

    def _statuses(self) -> list[DiagnosticStatus]:
        node = self._node
        worker = node.worker
        engine = EngineReport(
            phase=node.phase,
            enabled=node.enabled,
            problem=node.problem,
            building=node.building,
            clock_missing=node.now_s() == 0,
            wanted_model=node.wanted_model(),
            segmenter=None if worker is None else worker.segmenter,
            dds_profile=self._dds_profile,
        )
        return [
            engine_status(engine, node_name=node.get_name()),
            *(self._camera_status(camera) for camera in node.cameras),
        ]

    def _camera_status(self, camera: Camera) -> DiagnosticStatus:
        node = self._node
        camera.publishers.explain_conflicts()
        report = camera.monitor.report(steady_s=time.monotonic(), now_s=node.now_s())
        level, message = judge_camera(
            report,
            phase=node.phase,
            enabled=node.enabled,
            stale_after_s=node.stale_after_s(),
            find_silence=camera.find_silence,
        )
        return camera_status(
            report, node_name=node.get_name(), topic=camera.topic, level=level, message=message
        )
