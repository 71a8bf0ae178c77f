# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One camera: its subscription, its slot, its outputs and what is known of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Set
from functools import partial
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import CallbackGroup
from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from drivseg_ros.images.codec import decode_compressed_image, decode_image
from drivseg_ros.images.frame_quality import measure_quality
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.model.smoothing import MaskSmoother
from drivseg_ros.node import qos
from drivseg_ros.node.camera_monitor import CameraMonitor, CameraReport
from drivseg_ros.node.camera_slot import CameraSlot, Frame
from drivseg_ros.node.diagnostics import camera_status, name_in_diagnostics, trust_status
from drivseg_ros.node.ground_messages import GROUND_NAMES
from drivseg_ros.node.ground_outputs import CameraGround, GroundSettings, in_ground_frame
from drivseg_ros.node.health import LOST_ADVICE, OTHER_CLOCK_S, Level, Phase, assess_camera
from drivseg_ros.node.publishers import CameraPublishers, Offer
from drivseg_ros.node.sequence_gaps import SequenceGaps
from drivseg_ros.node.transforms import Transforms
from drivseg_ros.node.trust import (
    PAUSED,
    Cause,
    FrameMeasures,
    Trust,
    TrustState,
    Verdict,
    measure_road_confidence,
)


class Camera:
    """One camera of the node.

    Args:
        node: the node.
        image_topic: the raw topic, fully resolved.
        compressed: whether CompressedImage on `image_topic`/compressed is subscribed to.
        reliability: what the subscription asks for, 'best_effort' or 'reliable'.
        offer: the outputs to offer.
        ground: what its outputs in metres are made by.
        transforms: where poses come from that are not in `ground`.
        callback_group: the group that frames and QoS events are handled in.
        wake: called after a frame was put into the slot.
        warn: takes a sentence about the QoS of another node.

    Raises:
        ParameterError: if `image_topic` cannot be the input of outputs.
    """

    def __init__(
        self,
        node: LifecycleNode,
        *,
        image_topic: str,
        compressed: bool,
        reliability: str,
        offer: Offer,
        ground: GroundSettings,
        transforms: Transforms,
        callback_group: CallbackGroup,
        wake: Callable[[], None],
        warn: Callable[[str], object],
    ) -> None:
        self.topic = f'{image_topic}/compressed' if compressed else image_topic
        self.monitor = CameraMonitor(steady_s=time.monotonic())
        self.trust = TrustState()
        self.smoother = MaskSmoother()
        self.slot = CameraSlot(self.monitor.ledger)
        self._node = node
        self._message_type = CompressedImage if compressed else Image
        self._decode = decode_compressed_image if compressed else decode_image
        self._profile = qos.image_qos(reliability)
        self._group = callback_group
        self._wake = wake
        self._warn = warn
        self._subscription: Any = None
        self._gaps = SequenceGaps(publishers=lambda: node.count_publishers(self.topic))
        self._conflict = ''
        self._frame_id = ''
        self._failing = Cause.FRAMES_FAILING  # why the newest frame that failed did
        self._stated = False  # whether a status was published since the last report
        self.ground = CameraGround(
            node,
            image_topic=image_topic,
            settings=ground,
            transforms=transforms,
            callback_group=callback_group,
        )
        self.publishers = CameraPublishers(
            node, image_topic=image_topic, offer=offer, callback_group=callback_group, warn=warn
        )

    def decode(self, message: Any, *, max_pixels: int) -> np.ndarray:
        """The frame as uint8 [H, W, 3] RGB, if it has no more than `max_pixels`.

        Raises:
            ImageError: if the message is malformed.
        """
        return self._decode(message, max_pixels=max_pixels)

    def subscribe(self) -> None:
        """Begins to listen."""
        self.monitor.restart(steady_s=time.monotonic())
        self.trust.restart()
        self.smoother.forget()
        self._gaps.restart()
        try:
            self._subscription = self._create_subscription(message_lost=self._count_lost)
        except UnsupportedEventTypeError:  # not every middleware reports it
            self._subscription = self._create_subscription(message_lost=None)

    def unsubscribe(self) -> None:
        """Stops listening, and drops the frame that waits."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        self.ground.listen(False)
        self.slot.clear()

    def close(self) -> None:
        """Takes subscription and outputs away."""
        self.unsubscribe()
        self.ground.transforms.close()
        self.publishers.close()

    def publish_ground(
        self, header: Any, segmentation: Segmentation, *, wanted: Set[str], trusted: bool
    ) -> None:
        """Publishes the outputs in metres that are wanted.

        Args:
            header: the input's header.
            segmentation: the result.
            wanted: the outputs that somebody subscribes to.
            trusted: if not, all of the ground is unknown.
        """
        if wanted.isdisjoint(GROUND_NAMES):
            return
        look = self.ground.look(header, segmentation, trusted=trusted)
        if look is not None:
            settings = self.ground.settings
            self.publishers.publish_ground(
                in_ground_frame(header, settings.frame),
                look,
                segmentation,
                settings.grid,
                wanted=wanted,
            )

    def explain_conflicts(self) -> None:
        """Warns once of each other node whose QoS does not fit input or outputs."""
        self.publishers.explain_conflicts()
        conflict = ''
        if self._subscription is not None:
            conflict = qos.subscription_conflict(self._node, self.topic, self._profile)
        if conflict and conflict != self._conflict:
            self._warn(f'{self.topic}: a publisher is not heard. {conflict}')
        self._conflict = conflict

    def handle_jump(self) -> None:
        """The node's clock jumped."""
        self.monitor.forget_stamps()
        self.trust.forget_frame()
        self.ground.transforms.forget()

    def assess(
        self,
        header: Any,
        image: np.ndarray,
        segmentation: Segmentation,
        *,
        infer_ms: float,
        stale_after_s: float,
    ) -> tuple[Verdict, FrameMeasures]:
        """Finds how far the masks may be trusted, with the next frame.

        Args:
            header: the frame's header.
            image: uint8 [H, W, 3] RGB, any strides.
            segmentation: what was found in it.
            infer_ms: the time of the engine.
            stale_after_s: the age at which it is stale.
        """
        quality = measure_quality(image)
        measures = FrameMeasures(
            quality=quality,
            repeated=self.trust.repeats(quality, stamp_ns=stamp_ns(header)),
            infer_ms=infer_ms,
            road_confidence=measure_road_confidence(segmentation),
        )
        # Beyond that the stamp is of another clock than the node's.
        stale = stale_after_s < _now_s(self._node) - stamp_ns(header) / 1e9 < OTHER_CLOCK_S
        levels = self.trust.limits.levels(measures)
        self.trust.add({**levels, Cause.STALE: Trust.UNTRUSTED if stale else Trust.OK})
        return self.trust.verdict, measures

    def publish_status(
        self,
        header: Any,
        verdict: Verdict,
        *,
        outputs: str = 'none',
        measures: FrameMeasures | None = None,
    ) -> None:
        """Publishes how far the masks may be trusted.

        Args:
            header: of the frame that this is about, or of this moment.
            verdict: what holds.
            outputs: what becomes of the frame's other outputs: one of ON_UNTRUSTED, or 'none'.
            measures: what was measured of the frame, if there is one.
        """
        self._stated = True
        self.publishers.publish_status(
            header,
            trust_status(
                verdict,
                node_name=name_in_diagnostics(self._node),
                topic=self.topic,
                outputs=outputs,
                measures=measures,
            ),
        )

    def distrust(self, header: Any, cause: Cause) -> None:
        """Says that there is no mask of a frame, and why.

        Args:
            header: the frame's header.
            cause: of those that a frame without a mask shows.
        """
        self._failing = cause
        self.trust.add({cause: Trust.UNTRUSTED}, shown={cause})
        self.publish_status(header, self.trust.verdict)

    def report(
        self, *, phase: Phase, enabled: bool, stale_after_s: float, pause_s: float, hanging: bool
    ) -> DiagnosticStatus:
        """The camera's status for the diagnostics; also what a status without a frame says.

        Args:
            phase: the state of the node.
            enabled: whether processing is switched on by ~/enable.
            stale_after_s: the age at which an output is stale.
            pause_s: the time between two outputs that was asked for, which adds to that age.
            hanging: whether the engine does not answer.
        """
        self.explain_conflicts()
        wanted = self.publishers.wanted(has_confidence=True)
        self.ground.listen(phase is Phase.ACTIVE and not wanted.isdisjoint(GROUND_NAMES))
        report = self.monitor.report(steady_s=time.monotonic(), now_s=_now_s(self._node))
        verdict = None
        if phase is Phase.ACTIVE:
            verdict = self._verdict_without_frame(
                report, enabled=enabled, after_s=stale_after_s, pause_s=pause_s, hanging=hanging
            )
        level, message = assess_camera(
            report,
            phase=phase,
            enabled=enabled,
            stale_after_s=stale_after_s,
            pause_s=pause_s,
            find_silence=self.find_silence,
        )
        if verdict is not None and verdict.trust and not level:
            level, message = Level(verdict.trust), f'{verdict}; {message}'
        if self.ground.problem and not level:
            level, message = Level.WARN, f'no output in metres: {self.ground.problem}'
        return camera_status(
            report,
            node_name=name_in_diagnostics(self._node),
            topic=self.topic,
            level=level,
            message=message,
            verdict=verdict,
            ground_errors_m=self.ground.errors_m(),
        )

    def _verdict_without_frame(
        self,
        report: CameraReport,
        *,
        enabled: bool,
        after_s: float,
        pause_s: float,
        hanging: bool,
    ) -> Verdict | None:
        """What holds now; published if no frame did that meanwhile. None if nobody wants it."""
        if enabled and report.skipping and report.silent_s <= after_s:
            return None
        if enabled:
            if hanging:
                self.trust.mark(Cause.ENGINE_FAILING)
            if report.silent_s > after_s:
                self.trust.mark(Cause.NO_FRAMES)
            elif report.idle_s > after_s + pause_s:
                self.trust.mark(self._failing if report.failing else Cause.STALE)
        verdict = self.trust.verdict if enabled else PAUSED
        stated, self._stated = self._stated, False
        if not stated:
            now = self._node.get_clock().now().to_msg()
            self.publish_status(Header(stamp=now, frame_id=self._frame_id), verdict)
        return verdict

    def find_silence(self) -> str:
        """Why no frame arrives, as far as the ROS graph shows."""
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        if not publishers:
            return (
                f'nobody publishes {self.topic}: check image_topics, image_transport, remappings '
                'and ROS_DOMAIN_ID'
            )
        wanted = f'sensor_msgs/msg/{self._message_type.__name__}'
        types = {info.topic_type for info in publishers}
        if wanted not in types:
            return f'{self.topic} carries {", ".join(sorted(types))}; needed is {wanted}'
        conflict = qos.subscription_conflict(self._node, self.topic, self._profile)
        if conflict:
            return conflict
        return f'a publisher is matched but nothing arrives: it may be silent, or {LOST_ADVICE}'

    def _create_subscription(self, *, message_lost: Callable[[Any], None] | None) -> Any:
        return self._node.create_subscription(
            self._message_type,
            self.topic,
            partial(self._receive, self.slot.opening),
            self._profile,
            callback_group=self._group,
            event_callbacks=SubscriptionEventCallbacks(
                incompatible_qos=lambda _event: self.explain_conflicts(),
                message_lost=message_lost,
            ),
            qos_overriding_options=qos.overriding_options(),
        )

    def _receive(self, opening: int, message: Any, info: Mapping[str, Any]) -> None:
        received_s = time.monotonic()
        self._frame_id = message.header.frame_id
        self.monitor.miss(self._gaps.missing_before(info))
        self.slot.put(Frame(message=message, received_s=received_s, opening=opening))
        self._wake()
        stamp = message.header.stamp
        self.monitor.arrived(
            steady_s=received_s,
            now_s=_now_s(self._node),
            stamp_s=stamp.sec + stamp.nanosec / 1e9,
        )

    def _count_lost(self, event: Any) -> None:
        self.monitor.lost(event.total_count_change, steady_s=time.monotonic())


def stamp_ns(header: Any) -> int:
    """The stamp of a header."""
    return header.stamp.sec * 10**9 + header.stamp.nanosec


def _now_s(node: LifecycleNode) -> float:
    return node.get_clock().now().nanoseconds / 1e9
