# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A live node and a peer that talks to it, both with the real rclpy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool

from drivseg_ros.images.codec import fill_image
from drivseg_ros.node.executors import FramesThread, GroupExecutor, MainExecutor, spin
from drivseg_ros.node.health import Phase
from drivseg_ros.node.lifecycle_node import SegmentationNode

PATIENCE_S = 30.0  # for what happens soon or never; no test measures time
RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Waits until a condition holds, and returns what it returned."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if result := condition():
            return result
        time.sleep(0.01)
    pytest.fail(f'waited in vain: {what}')


def make_picture(seed: int, *, width: int = 60, height: int = 40) -> np.ndarray:
    """Random colours in blocks, uint8 [H, W, 3] RGB."""
    blocks = np.random.default_rng(seed).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return np.ascontiguousarray(blocks.repeat(4, axis=0).repeat(4, axis=1))


def make_image(seed: int, *, picture: np.ndarray | None = None, encoding: str = 'rgb8') -> Image:
    """An Image with a stamp and a frame_id that only this seed has."""
    picture = make_picture(seed) if picture is None else picture
    if encoding == 'bgr8':
        picture = np.ascontiguousarray(picture[..., ::-1])
    message = fill_image(Image(), picture, encoding=encoding)
    message.header.stamp.sec = 1_600_000_000 + seed
    message.header.stamp.nanosec = (seed * 7919) % 10**9
    message.header.frame_id = f'camera_{seed}_optical'
    return message


def ros_parameters(values: dict[str, Any]) -> list[Parameter]:
    return [Parameter(name, value=value) for name, value in values.items()]


def _start(executor: SingleThreadedExecutor) -> threading.Thread:
    thread = threading.Thread(
        target=spin, args=(executor,), kwargs={'logger': rclpy.logging.get_logger('test')}
    )
    thread.daemon = True
    thread.start()
    return thread


class Live:
    """A segmentation node that runs as `segmentation_node` runs it, in this process."""

    def __init__(self, context: Context, parameters: dict[str, Any], **node_arguments: Any) -> None:
        self.context = context
        self.node = SegmentationNode(
            context=self.context,
            parameter_overrides=ros_parameters(parameters),
            **node_arguments,
        )
        frames = GroupExecutor(self.node, group=self.node.frames_group, context=self.context)
        self._executor = MainExecutor(
            left_out=self.node.frames_group, changed=frames.wake, context=self.context
        )
        self._executor.add_node(self.node)
        self._frames = FramesThread(frames, logger=self.node.get_logger())
        self._frames.start()
        self._thread = _start(self._executor)

    def wait_active(self) -> Live:
        wait_for(lambda: self.node.phase is Phase.ACTIVE, 'the node is active')
        return self

    def wait_wanted(self, *outputs: str, camera: int = 0) -> None:
        """Waits until the node knows of subscribers to these outputs of a camera."""
        publishers = self.node.cameras[camera].publishers
        wait_for(
            lambda: publishers.wanted(has_confidence=True).issuperset(outputs),
            f'subscribers to {outputs}',
        )

    def counts(self, camera: int = 0) -> Any:
        return self.node.cameras[camera].monitor.ledger.counts()

    def close(self) -> None:
        self.context.try_shutdown()
        end = time.monotonic() + PATIENCE_S
        assert self.node.leave(keep_waiting=lambda: time.monotonic() < end)
        assert self._frames.join(timeout_s=PATIENCE_S)
        self._thread.join(PATIENCE_S)
        self.node.destroy_node()


class Peer:
    """Another node: it publishes images, collects outputs and calls services.

    It shares the live node's context, so that both find each other at once. Between contexts or
    processes, a service may be called before it has found its caller, and never answers.
    """

    def __init__(self, context: Context, name: str = 'peer') -> None:
        self.context = context
        self.node = rclpy.create_node(name, context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.node)
        self._thread = _start(self._executor)
        self.diagnostics: list[DiagnosticArray] = []

    def close(self) -> None:
        self.context.try_shutdown()
        self._thread.join(PATIENCE_S)
        self.node.destroy_node()

    def camera(
        self, topic: str, message_type: type = Image, *, qos: QoSProfile = RELIABLE
    ) -> Camera:
        return Camera(self.node.create_publisher(message_type, topic, qos))

    def listen(
        self, topic: str, message_type: type = Image, *, qos: QoSProfile = RELIABLE
    ) -> list[Any]:
        """Subscribes, waits for the publisher, and returns the list that messages come into."""
        messages: list[Any] = []
        self.node.create_subscription(message_type, topic, messages.append, qos)
        wait_for(lambda: self.node.count_publishers(topic), f'somebody publishes {topic}')
        return messages

    def call(self, service_type: type, name: str, request: Any) -> Any:
        client = self.node.create_client(service_type, name)
        assert client.wait_for_service(timeout_sec=PATIENCE_S), f'no service {name}'
        future = client.call_async(request)
        wait_for(future.done, f'{name} answers')
        self.node.destroy_client(client)
        return future.result()

    def set(self, node: str = '/segmentation', **values: Any) -> list[Any]:
        request = SetParameters.Request(
            parameters=[p.to_parameter_msg() for p in ros_parameters(values)]
        )
        return self.call(SetParameters, f'{node}/set_parameters', request).results

    def set_atomically(self, **values: Any) -> Any:
        request = SetParametersAtomically.Request(
            parameters=[p.to_parameter_msg() for p in ros_parameters(values)]
        )
        service = '/segmentation/set_parameters_atomically'
        return self.call(SetParametersAtomically, service, request).result

    def get(self, name: str) -> Any:
        request = GetParameters.Request(names=[name])
        values = self.call(GetParameters, '/segmentation/get_parameters', request).values
        return rclpy.parameter.parameter_value_to_python(values[0])

    def describe(self, *names: str) -> list[Any]:
        request = DescribeParameters.Request(names=list(names))
        return self.call(
            DescribeParameters, '/segmentation/describe_parameters', request
        ).descriptors

    def change_state(self, transition: int) -> bool:
        request = ChangeState.Request()
        request.transition.id = transition
        return self.call(ChangeState, '/segmentation/change_state', request).success

    def state(self) -> str:
        return self.call(
            GetState, '/segmentation/get_state', GetState.Request()
        ).current_state.label

    def enable(self, value: bool) -> Any:
        return self.call(SetBool, '/segmentation/enable', SetBool.Request(data=value))

    def watch_diagnostics(self) -> None:
        self.diagnostics = self.listen('/diagnostics', DiagnosticArray)

    def wait_status(
        self, part: str, condition: Callable[[DiagnosticStatus], bool], what: str
    ) -> DiagnosticStatus:
        """Waits for a newly published status whose name contains `part`."""
        if not self.diagnostics:
            self.watch_diagnostics()
        begin = len(self.diagnostics)

        def find() -> DiagnosticStatus | None:
            for array in self.diagnostics[begin:]:
                for status in array.status:
                    if part in status.name and condition(status):
                        return status
            return None

        return wait_for(find, what)


class Camera:
    """A publisher of images that waits for the node to listen."""

    def __init__(self, publisher: Any) -> None:
        self.publisher = publisher

    def wait_subscribed(self) -> Camera:
        wait_for(self.publisher.get_subscription_count, f'{self.publisher.topic_name} is heard')
        return self

    def send(self, message: Any) -> Any:
        self.publisher.publish(message)
        return message


def keys(status: DiagnosticStatus) -> dict[str, str]:
    return {item.key: item.value for item in status.values}
