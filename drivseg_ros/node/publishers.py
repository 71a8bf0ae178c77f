# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The outputs of one camera; to add one, name it in base/topics.py and publish it here.

What nobody subscribes to is not computed, the mask included.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Set
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.callback_groups import CallbackGroup
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image

from drivseg_ros.base.topics import GROUND_TOPICS, output_topic
from drivseg_ros.ground.space import Look
from drivseg_ros.ground.spec import GridSpec
from drivseg_ros.images.codec import encode_jpeg, fill_compressed_image, fill_image
from drivseg_ros.images.overlay import color_mask, draw_overlay
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.node import qos
from drivseg_ros.node.ground_messages import GROUND_NAMES, GroundMessages, ground_types
from drivseg_ros.node.label_info import make_label_info
from drivseg_ros.node.merged_grid import MergedGrid

OVERLAY_COMPRESSED = 'overlay/compressed'
CONFIDENCES = frozenset({'confidence', 'points/confidence'})
"""The outputs that a network without confidence has not."""


@dataclass(frozen=True)
class Offer:
    """Which outputs the user wants offered.

    Attributes:
        outputs: names out of `base.topics.OUTPUTS`.
        overlay_transport: 'raw', 'compressed' or 'both'.
        vision_msgs: the module vision_msgs.msg, or None where it is not installed.
        nav_msgs: the module nav_msgs.msg, likewise.
        merged: the grid of all cameras, if there are several.
    """

    outputs: Collection[str]
    overlay_transport: str
    vision_msgs: ModuleType | None
    nav_msgs: ModuleType | None
    merged: MergedGrid | None = None

    def by_frame(self) -> dict[str, type]:
        """The types of what is published for each frame, by the end of their topics' names."""
        types: dict[str, type] = {}
        for name in self.outputs:
            if name == 'overlay':
                if self.overlay_transport in ('raw', 'both'):
                    types[name] = Image
                if self.overlay_transport in ('compressed', 'both'):
                    types[OVERLAY_COMPRESSED] = CompressedImage
            elif name == 'status':
                types[name] = DiagnosticArray
            elif name in GROUND_TOPICS:
                types |= ground_types(name, self.nav_msgs)
            elif name != 'label_info':
                types[name] = Image
        return types


class CameraPublishers:
    """Publishes the outputs of one camera.

    The publishers are the lifecycle node's: they are silent while it is not active.

    Args:
        node: the node.
        image_topic: the camera's topic, fully resolved.
        offer: the outputs to offer.
        callback_group: the group that QoS events are handled in.
        warn: takes a sentence about a subscriber that cannot hear an output.

    Raises:
        ParameterError: if `image_topic` cannot be the input of outputs.
    """

    def __init__(
        self,
        node: LifecycleNode,
        *,
        image_topic: str,
        offer: Offer,
        callback_group: CallbackGroup,
        warn: Callable[[str], object],
    ) -> None:
        self._node = node
        self._group = callback_group
        self._warn = warn
        self._merged, self._image_topic = offer.merged, image_topic
        self._vision_msgs, self._nav_msgs = offer.vision_msgs, offer.nav_msgs
        self._profiles: dict[str, QoSProfile] = {}
        self._conflicts: dict[str, str] = {}
        self._by_frame = {
            name: self._create(message_type, output_topic(image_topic, name), qos.output_qos())
            for name, message_type in offer.by_frame().items()
        }
        self._label_info: LifecyclePublisher | None = None
        if 'label_info' in offer.outputs and offer.vision_msgs is not None:
            self._label_info = self._create(
                offer.vision_msgs.LabelInfo,
                output_topic(image_topic, 'label_info'),
                qos.latched_qos(),
            )

    def wanted(self, *, has_confidence: bool) -> frozenset[str]:
        """The outputs of each frame that somebody subscribes to.

        Args:
            has_confidence: whether the model has that output.
        """
        merged = self._merged is not None and self._merged.is_wanted
        return frozenset(
            name
            for name, publisher in self._by_frame.items()
            if (publisher.get_subscription_count() or (merged and name == 'grid'))
            and (name not in CONFIDENCES or has_confidence)
        )

    def publish_label_info(self, card: ModelCard, *, unknown: bool) -> None:
        """Publishes what the class ids mean, for everybody who comes from now on as well."""
        if self._label_info is not None and self._vision_msgs is not None:
            self._label_info.publish(make_label_info(self._vision_msgs, card, unknown=unknown))

    def publish_status(self, header: Any, status: DiagnosticStatus) -> None:
        """Publishes how far the camera may be trusted, if that is on offer.

        Args:
            header: the input's header, or that of a moment at which no frame is there.
            status: the status.
        """
        if (publisher := self._by_frame.get('status')) is not None:
            publisher.publish(DiagnosticArray(header=header, status=[status]))

    def publish_mask(
        self, header: Any, segmentation: Segmentation, *, wanted: Collection[str]
    ) -> None:
        """Publishes the mask, if it is wanted.

        Args:
            header: the input's header; it is copied as it is.
            segmentation: the result.
            wanted: the outputs that somebody subscribes to.
        """
        if 'mask' in wanted:
            self._publish('mask', header, segmentation.class_ids, 'mono8')

    def publish_ground(
        self,
        header: Any,
        look: Look,
        segmentation: Segmentation,
        spec: GridSpec,
        *,
        wanted: Set[str],
    ) -> None:
        """Publishes what is wanted of the outputs in metres.

        Args:
            header: with the input's stamp, in the ground frame.
            look: what the mask says of the ground.
            segmentation: the mask.
            spec: the grid.
            wanted: the outputs that somebody subscribes to.
        """
        ground = GroundMessages(header, look, segmentation, spec, self._nav_msgs)
        for name in wanted & GROUND_NAMES:
            message = ground.make(name)
            if message is not None:
                self._by_frame[name].publish(message)
        if self._merged is not None and self._merged.is_wanted:
            self._merged.add(self._image_topic, header, look.grid)

    def publish_pictures(
        self,
        header: Any,
        image: np.ndarray,
        segmentation: Segmentation,
        *,
        wanted: Collection[str],
        overlay_alpha: float,
    ) -> None:
        """Publishes what else is wanted.

        Args:
            header: the input's header; it is copied as it is.
            image: the input, uint8 [H, W, 3] RGB.
            segmentation: the result.
            wanted: the outputs that somebody subscribes to.
            overlay_alpha: the opacity of the overlay's colours, 0 to 1.
        """
        if 'confidence' in wanted and segmentation.confidence is not None:
            self._publish('confidence', header, segmentation.confidence, 'mono8')
        if 'overlay' in wanted or OVERLAY_COMPRESSED in wanted:
            overlay = draw_overlay(image, segmentation, alpha=overlay_alpha)
            if 'overlay' in wanted:
                self._publish('overlay', header, overlay, 'rgb8')
            if OVERLAY_COMPRESSED in wanted:
                message = CompressedImage()
                fill_compressed_image(message, encode_jpeg(overlay), header=header)
                self._by_frame[OVERLAY_COMPRESSED].publish(message)
        if 'mask_color' in wanted:
            colors = color_mask(segmentation.class_ids, segmentation.card)
            self._publish('mask_color', header, colors, 'rgb8')

    def explain_conflicts(self) -> None:
        """Warns once of each subscriber that cannot hear an output.

        The event that there is one may come before the graph knows of it, so this is called again
        every now and then.
        """
        for topic, profile in list(self._profiles.items()):
            conflict = qos.publisher_conflict(self._node, topic, profile)
            if conflict and conflict != self._conflicts.get(topic):
                self._warn(f'{topic}: a subscriber gets nothing. {conflict}')
            self._conflicts[topic] = conflict

    def close(self) -> None:
        """Takes the topics away."""
        if self._merged is not None:
            self._merged.close()
        publishers = [*self._by_frame.values(), self._label_info]
        self._by_frame, self._label_info, self._profiles = {}, None, {}
        for publisher in publishers:
            if publisher is not None:
                self._node.destroy_lifecycle_publisher(publisher)

    def _publish(self, name: str, header: Any, array: np.ndarray, encoding: str) -> None:
        message = fill_image(Image(), array, encoding=encoding, header=header)
        self._by_frame[name].publish(message)

    def _create(self, message_type: type, topic: str, profile: QoSProfile) -> LifecyclePublisher:
        self._profiles[topic] = profile  # which the overrides are written into
        return self._node.create_lifecycle_publisher(
            message_type,
            topic,
            profile,
            callback_group=self._group,
            event_callbacks=PublisherEventCallbacks(
                incompatible_qos=lambda _event: self.explain_conflicts()
            ),
            qos_overriding_options=qos.overriding_options(),
        )
