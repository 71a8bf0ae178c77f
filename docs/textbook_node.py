# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The yardstick: a segmentation node as tutorials write it, runnable as it lies here.

    python docs/textbook_node.py --ros-args -p model:=config/models/efficientnet_lite_fpn_lanes.onnx

One subscription a camera, and its callback does everything: it makes an array of the message as
cv_bridge does, resizes, runs the network, resizes back, and publishes mask and overlay. The QoS is
what `create_subscription(Image, topic, callback, 10)` gives: reliable, the last 10 kept. It is
written to be fast where that costs nothing: conversions without loops over elements, no copy that
cv_bridge would not make, OpenCV for pixels, the network's session made once and warmed up. It uses
nothing of drivseg_ros, but its model files: their cards say sizes and colours. The masks are the
same, bit for bit, as those of the drivseg_ros node on onnxruntime.

`drivseg bench graph` measures both side by side; see docs/bench_graph.md.
"""

from __future__ import annotations

import json

import cv2
import numpy as np
import onnxruntime
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

QUEUE = 10


class Network:
    """A model file in onnxruntime, with resizing to and fro.

    Args:
        path: the .onnx file.
        threads: CPU threads; 0 leaves the choice to onnxruntime.
    """

    def __init__(self, path: str, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            path, options, providers=['CPUExecutionProvider']
        )
        card = json.loads(self.session.get_modelmeta().custom_metadata_map['drivseg.card'])
        if card.get('resize', 'stretch') != 'stretch':
            raise ValueError(f'{path} wants its images letterboxed, which this node does not do')
        self.size = (card['input_width'], card['input_height'])
        self.colors = np.zeros((256, 1, 3), np.uint8)
        for one in card['classes']:
            if one['role'] != 'none':
                self.colors[one['id'], 0] = one['color']
        self.segment(np.zeros((self.size[1], self.size[0], 3), np.uint8))

    def segment(self, rgb: np.ndarray) -> np.ndarray:
        """Class ids, uint8 [H, W], of an image, uint8 [H, W, 3] RGB."""
        height, width = rgb.shape[:2]
        shrinks = height >= self.size[1] and width >= self.size[0]
        if (width, height) == self.size:
            small = rgb
        else:
            small = cv2.resize(
                rgb, self.size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            )
        class_ids = self.session.run(['class_ids'], {'image': small[None]})[0][0]
        if class_ids.shape == (height, width):
            return np.asarray(class_ids)
        return cv2.resize(class_ids, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)

    def overlay(self, rgb: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
        """The image with the classes that have a role coloured, uint8 [H, W, 3] RGB."""
        colors = cv2.applyColorMap(class_ids, self.colors)
        blended = cv2.addWeighted(rgb, 0.5, colors, 0.5, 0)
        return np.where(colors.any(axis=2, keepdims=True), blended, rgb)


class TextbookNode(Node):
    """Segments every image in the callback of its subscription."""

    def __init__(self) -> None:
        super().__init__('textbook_segmentation')
        self.declare_parameter('model', '')
        self.declare_parameter('threads', 0)
        self.declare_parameter('image_topics', ['image'])
        self.declare_parameter('image_transport', 'raw')
        self.declare_parameter('overlay', True)
        self.with_overlay = self.get_parameter('overlay').value
        self.network = Network(
            self.get_parameter('model').value, self.get_parameter('threads').value
        )
        compressed = self.get_parameter('image_transport').value == 'compressed'
        self.cameras = [
            self.add_camera(topic, compressed) for topic in self.get_parameter('image_topics').value
        ]
        self.get_logger().info('ready')

    def add_camera(self, topic: str, compressed: bool) -> object:
        """Subscribes to a camera and offers its outputs."""
        namespace = f'{topic.rpartition("/")[0]}/segmentation' if '/' in topic else 'segmentation'
        mask_publisher = self.create_publisher(Image, f'{namespace}/mask', QUEUE)
        overlay_publisher = self.create_publisher(Image, f'{namespace}/overlay', QUEUE)

        def receive(message: Image | CompressedImage) -> None:
            rgb = from_jpeg(message) if compressed else from_image(message)
            class_ids = self.network.segment(rgb)
            mask_publisher.publish(to_image(class_ids, 'mono8', message.header))
            if self.with_overlay:
                overlay = self.network.overlay(rgb, class_ids)
                overlay_publisher.publish(to_image(overlay, 'rgb8', message.header))

        if compressed:
            return self.create_subscription(CompressedImage, f'{topic}/compressed', receive, QUEUE)
        return self.create_subscription(Image, topic, receive, QUEUE)


def from_image(message: Image) -> np.ndarray:
    """An rgb8 or bgr8 image as uint8 [H, W, 3] RGB."""
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    image = rows[:, : message.width * 3].reshape(message.height, message.width, 3)
    if message.encoding == 'bgr8':
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    if message.encoding == 'rgb8':
        return image
    raise ValueError(f'the encoding {message.encoding} is not rgb8 or bgr8')


def from_jpeg(message: CompressedImage) -> np.ndarray:
    """A JPEG as uint8 [H, W, 3] RGB."""
    bgr = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError('the JPEG cannot be decoded')
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def to_image(array: np.ndarray, encoding: str, header: object) -> Image:
    """A message of an array, with the header of the input."""
    message = Image()
    message.header = header
    message.height, message.width = array.shape[:2]
    message.encoding = encoding
    message.step = array.strides[0]
    message.data.frombytes(np.ascontiguousarray(array).data)
    return message


def main() -> None:
    """Runs the node."""
    rclpy.init()
    node = TextbookNode()
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()
