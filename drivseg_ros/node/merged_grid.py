# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One grid of all cameras."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from rclpy.callback_groups import CallbackGroup
from rclpy.lifecycle import LifecycleNode

from drivseg_ros.ground.space import merge_grids
from drivseg_ros.ground.spec import GridSpec
from drivseg_ros.node import qos
from drivseg_ros.node.ground_messages import make_grid

TOPIC = '~/merged_grid'


class MergedGrid:
    """Publishes the grids of all cameras as one, each time that one of them has a new one.

    Grids whose stamps differ from the newly made one's by more than the window do not count.
    The vehicle's motion between the stamps is left out of account.

    Args:
        node: the node.
        nav_msgs: the module nav_msgs.msg.
        spec: the grid, the same for all cameras.
        window_s: how much the stamps may differ.
        callback_group: the group of the publisher's events.
    """

    def __init__(
        self,
        node: LifecycleNode,
        *,
        nav_msgs: ModuleType,
        spec: GridSpec,
        window_s: float,
        callback_group: CallbackGroup,
    ) -> None:
        self._node = node
        self._nav_msgs = nav_msgs
        self._spec = spec
        self._window_ns = int(window_s * 1e9)
        self._closed = False
        self._newest: dict[str, tuple[int, np.ndarray]] = {}
        self._publisher = node.create_lifecycle_publisher(
            nav_msgs.OccupancyGrid, TOPIC, qos.output_qos(), callback_group=callback_group
        )

    @property
    def is_wanted(self) -> bool:
        """Whether somebody subscribes to it."""
        return bool(self._publisher.get_subscription_count())

    def add(self, camera: str, header: Any, cells: np.ndarray) -> None:
        """Takes the newest grid of a camera.

        Args:
            camera: the camera's name.
            header: in the ground frame, with the stamp of the camera's image.
            cells: int8 [ny, nx].
        """
        now_ns = header.stamp.sec * 10**9 + header.stamp.nanosec
        self._newest[camera] = now_ns, cells
        # A camera may be later than the others. Those far in the future are of before a jump of the
        # clock.
        counted = [
            grid
            for stamp_ns, grid in self._newest.values()
            if abs(now_ns - stamp_ns) <= self._window_ns
        ]
        self._publisher.publish(make_grid(self._nav_msgs, header, self._spec, merge_grids(counted)))

    def close(self) -> None:
        """Takes the topic away; every camera may ask for it."""
        if not self._closed:
            self._node.destroy_lifecycle_publisher(self._publisher)
            self._closed = True
