# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One camera: its subscription, its slot, its outputs and what is known of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from rclpy.callback_groups import CallbackGroup
from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CompressedImage, Image

from drivseg_ros.images.codec import decode_compressed_image, decode_image
from drivseg_ros.node import qos
from drivseg_ros.node.camera_monitor import CameraMonitor
from drivseg_ros.node.camera_slot import CameraSlot, Frame
from drivseg_ros.node.health import LOST_ADVICE
from drivseg_ros.node.publishers import CameraPublishers, Offer
from drivseg_ros.node.sequence_gaps import SequenceGaps


class Camera:
    """One camera of the node.

    Args:
        node: the node.
        image_topic: the raw topic, fully resolved.
        compressed: whether CompressedImage on `image_topic`/compressed is subscribed to.
        reliability: what the subscription asks for, 'best_effort' or 'reliable'.
        offer: the outputs to offer.
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
        callback_group: CallbackGroup,
        wake: Callable[[], None],
        warn: Callable[[str], object],
    ) -> None:
        self.topic = f'{image_topic}/compressed' if compressed else image_topic
        self.monitor = CameraMonitor(steady_s=time.monotonic())
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
        self.slot.clear()

    def close(self) -> None:
        """Takes subscription and outputs away."""
        self.unsubscribe()
        self.publishers.close()

    def explain_conflicts(self) -> None:
        """Warns once of each other node whose QoS does not fit input or outputs."""
        self.publishers.explain_conflicts()
        conflict = ''
        if self._subscription is not None:
            conflict = qos.subscription_conflict(self._node, self.topic, self._profile)
        if conflict and conflict != self._conflict:
            self._warn(f'{self.topic}: a publisher is not heard. {conflict}')
        self._conflict = conflict

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


def _now_s(node: LifecycleNode) -> float:
    return node.get_clock().now().nanoseconds / 1e9
