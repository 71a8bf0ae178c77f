# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The other end of a benchmark, a process of its own: takes masks and, if asked, sends images.

    python -m drivseg_ros.bench.node_peer IMAGE_TOPIC WIDTH HEIGHT RATE_HZ

It runs until it is told to end. A rate of 0 sends nothing.
"""

from __future__ import annotations

import sys

import cv2
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from drivseg_ros.base.topics import output_topic
from drivseg_ros.images.codec import fill_image
from drivseg_ros.node.dds_profile import use_image_profile
from drivseg_ros.scenes.drive import random_frame


def benchmark_image(width: int, height: int) -> Image:
    """One rendered street as a bgr8 message, the same in every run."""
    picture = random_frame(1, 640, 360).image
    bgr = cv2.resize(picture[..., ::-1].copy(), (width, height), interpolation=cv2.INTER_CUBIC)
    return fill_image(Image(), bgr, encoding='bgr8')


class Peer(Node):
    """Subscribes to the masks and sends images at a rate."""

    def __init__(self, image_topic: str, width: int, height: int, rate_hz: float) -> None:
        super().__init__('benchmark_peer')
        self._subscription = self.create_subscription(
            Image, output_topic(image_topic, 'mask'), lambda _: None, qos_profile_sensor_data
        )
        if rate_hz:
            self._images = self.create_publisher(Image, image_topic, qos_profile_sensor_data)
            self._message = benchmark_image(width, height)
            self._timer = self.create_timer(1 / rate_hz, self._send)

    def _send(self) -> None:
        self._message.header.stamp = self.get_clock().now().to_msg()
        self._images.publish(self._message)


def main() -> None:
    """Runs the peer."""
    topic, width, height, rate_hz = sys.argv[1:5]
    use_image_profile()
    rclpy.init()
    try:
        rclpy.spin(Peer(topic, int(width), int(height), float(rate_hz)))
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()
