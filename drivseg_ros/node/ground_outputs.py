# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The outputs of one camera that are in metres, of its mask, its camera_info and its pose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.callback_groups import CallbackGroup
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from drivseg_ros.base.topics import beside
from drivseg_ros.errors import DrivsegError, ParameterError
from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.error import error_by_ring
from drivseg_ros.ground.intrinsics import Intrinsics, Roi
from drivseg_ros.ground.pose import CameraPose
from drivseg_ros.ground.space import DrivableSpace, Look
from drivseg_ros.ground.spec import GridSpec
from drivseg_ros.model.segmentation import UNKNOWN, Segmentation
from drivseg_ros.node.transforms import Transforms

# A pose by TF that differs by less than this is the same: tables are not made again for noise.
_SAME_TURN, _SAME_PLACE_M = 1e-3, 5e-3


@dataclass(frozen=True)
class GroundSettings:
    """What the outputs of a camera are made by.

    Attributes:
        frame: the ground frame.
        grid: the grid.
        pose: the camera's; None if TF has it.
        rectified: whether its images are.
    """

    frame: str
    grid: GridSpec
    pose: CameraPose | None
    rectified: bool


class CameraGround:
    """Makes ground of masks. `listen` is called by one thread, everything else by another.

    Args:
        node: the node.
        image_topic: the camera's topic, fully resolved.
        settings: see there.
        transforms: where poses come from that are not in the settings.
        callback_group: of the subscription.

    Attributes:
        problem: why there are no outputs, or ''.
    """

    def __init__(
        self,
        node: LifecycleNode,
        *,
        image_topic: str,
        settings: GroundSettings,
        transforms: Transforms,
        callback_group: CallbackGroup,
    ) -> None:
        self.settings = settings
        self.problem = ''
        self.topic = beside(image_topic, 'camera_info')
        self._node = node
        self.transforms = transforms
        self._group = callback_group
        self._subscription: Any = None
        self._info: CameraInfo | None = None
        self._known: tuple[CameraInfo, Intrinsics] | None = None
        self._space: DrivableSpace | None = None

    def listen(self, wanted: bool) -> None:
        """Subscribes to camera_info, or not any more."""
        if wanted and self._subscription is None:
            self._subscription = self._node.create_subscription(
                CameraInfo,
                self.topic,
                self._receive,
                qos_profile_sensor_data,
                callback_group=self._group,
            )
        elif not wanted and self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = self._info = None
            self.problem = ''

    def look(self, header: Any, segmentation: Segmentation, *, trusted: bool) -> Look | None:
        """What a mask says of the ground.

        Args:
            header: of the image.
            segmentation: what was found in it.
            trusted: if not, all of the ground is unknown.

        Returns:
            None where that cannot be said; `problem` says why.
        """
        try:
            space = self._find_space(header, segmentation.class_ids.shape)
            class_ids = segmentation.class_ids
            if not trusted:
                class_ids = np.full_like(class_ids, UNKNOWN)
            self.problem = ''
            return space.look(class_ids, drivable_ids=segmentation.card.drivable_ids)
        except DrivsegError as error:
            self.problem = str(error)
            return None

    def errors_m(self) -> dict[float, float]:
        """How wrong distances may be, by distance, both in metres; {} while no ground is seen."""
        space = self._space
        if self.problem or space is None:
            return {}
        return error_by_ring(
            height_m=space.camera.pose.height, pitch_error_deg=space.spec.pitch_error_deg
        )

    def _receive(self, message: CameraInfo) -> None:
        self._info = message

    def _find_space(self, header: Any, shape: tuple[int, ...]) -> DrivableSpace:
        info = self._info
        if info is None:
            raise ParameterError(
                f'nothing came on {self.topic} yet; publish the calibration of the camera there'
            )
        if self._known is None or self._known[0] is not info:
            self._known = info, read_intrinsics(info, rectified=self.settings.rectified)
        intrinsics = self._known[1].at_size(shape[1], shape[0])
        pose = self.settings.pose or self.transforms.find(header)
        space = self._space
        if space is None or space.camera.intrinsics != intrinsics or _moved(space, pose):
            self._space = None  # if the next one fails, the old one is not right either
            space = DrivableSpace(GroundCamera(intrinsics, pose), self.settings.grid)
            self._space = space
        return space


def read_intrinsics(info: CameraInfo, *, rectified: bool) -> Intrinsics:
    """The intrinsics of a message.

    Args:
        info: the message.
        rectified: whether they are of a rectified image: `p` then, without distortion.

    Raises:
        ParameterError: if it is none of a calibrated camera.
    """
    roi = info.roi
    return Intrinsics.from_camera_info(
        width=info.width,
        height=info.height,
        k=[info.p[i] for i in (0, 1, 2, 4, 5, 6, 8, 9, 10)] if rectified else list(info.k),
        d=() if rectified else info.d,
        distortion_model=info.distortion_model or 'plumb_bob',
        binning_x=info.binning_x,
        binning_y=info.binning_y,
        roi=Roi(x_offset=roi.x_offset, y_offset=roi.y_offset, width=roi.width, height=roi.height),
    )


def in_ground_frame(header: Any, frame: str) -> Header:
    """The header of an output in metres: the stamp of the image, in the ground frame."""
    return Header(stamp=header.stamp, frame_id=frame)


def _moved(space: DrivableSpace, pose: CameraPose) -> bool:
    before = space.camera.pose
    if before == pose:
        return False
    turned = np.abs(np.subtract(before.rotation, pose.rotation)).max()
    moved = np.abs(np.subtract(before.position, pose.position)).max()
    return bool(turned > _SAME_TURN or moved > _SAME_PLACE_M)
