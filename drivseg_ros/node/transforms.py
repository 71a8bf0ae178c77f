# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a camera is, by TF.

tf2_ros is part of ROS 2 distributions but not of the package index of Python, so it may be absent.
"""

from __future__ import annotations

import importlib
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time

from drivseg_ros.errors import MissingDependencyError, ParameterError
from drivseg_ros.ground.pose import CameraPose

# A moving joint is published a little later than the image that needs it.
_PATIENCE = Duration(nanoseconds=20_000_000)


class Transforms:
    """Listens to TF from the first question on.

    Args:
        node: the node.
        ground_frame: the frame that poses are given in.
    """

    def __init__(self, node: Node, *, ground_frame: str) -> None:
        self.ground_frame = ground_frame
        self._node = node
        self._buffer: Any = None
        self._listener: Any = None

    def find(self, header: Any) -> CameraPose:
        """The pose of the frame of a header at its stamp.

        Raises:
            MissingDependencyError: if tf2_ros is not installed.
            ParameterError: if TF does not know it, or it is none that sees the ground.
        """
        tf2_ros = self._listen()
        try:
            found = self._buffer.lookup_transform(
                self.ground_frame,
                header.frame_id,
                Time.from_msg(header.stamp),
                timeout=_PATIENCE,
            ).transform
        except (tf2_ros.TransformException, ValueError) as error:  # of an empty frame_id
            raise ParameterError(
                f'TF does not know where {header.frame_id!r} is in {self.ground_frame!r} at '
                f'{header.stamp.sec}.{header.stamp.nanosec:09} ({error}); publish it (a static '
                'transform of the optical frame), correct ground_frame, or give camera_poses'
            ) from None
        return CameraPose.from_transform(
            translation=[getattr(found.translation, axis) for axis in 'xyz'],
            quaternion=[getattr(found.rotation, axis) for axis in 'xyzw'],
        )

    def forget(self) -> None:
        """The clock jumped: what was heard is of another time."""
        if self._buffer is not None:
            self._buffer.clear()

    def close(self) -> None:
        """Stops listening."""
        if self._listener is not None:
            self._listener.unregister()
        self._buffer = self._listener = None

    def _listen(self) -> Any:
        try:
            tf2_ros = importlib.import_module('tf2_ros')
        except ImportError:
            raise MissingDependencyError(
                'the pose of the camera is to come from TF, and tf2_ros is not installed (apt '
                'install ros-$ROS_DISTRO-tf2-ros-py); install it, or give camera_poses'
            ) from None
        if self._buffer is None:
            # Without the node: its clock may be simulated and stand still.
            self._buffer = tf2_ros.Buffer()
            self._listener = tf2_ros.TransformListener(self._buffer, self._node)
        return tf2_ros
