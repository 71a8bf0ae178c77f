# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The calibration that was recorded beside images."""

from __future__ import annotations

from pathlib import Path

from drivseg_ros.bags.calibration import Calibration
from drivseg_ros.bags.dataset_info import read_dataset_info
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.topics import BagTopics, resolve_topics
from drivseg_ros.base.topics import beside
from drivseg_ros.errors import BagError

_TYPE = 'sensor_msgs/msg/CameraInfo'


def recorded_calibration(path: Path, *, image_topic: str | None = None) -> Calibration:
    """The first CameraInfo beside the images of a bag.

    Args:
        path: the bag.
        image_topic: the images; None: those of the only camera.

    Raises:
        BagError: if there is none, or it is not of the whole image.
    """
    with BagReader(path) as reader:
        asked = BagTopics(image=image_topic)
        images = resolve_topics(reader, asked, info=read_dataset_info(path)).image
        topic = beside(str(images), 'camera_info')
        found = None
        if topic in reader.topics and reader.topics[topic].msgtype == _TYPE:
            found = next(reader.messages([topic]), None)
        if found is None:
            raise BagError(
                f"'{path}' has no camera_info on {topic}, beside {images}; give the camera's "
                'calibration (--calibration)'
            )
        info = found.message
    if info.binning_x > 1 or info.binning_y > 1 or info.roi.width or info.roi.height:
        raise BagError(
            f"camera_info on {topic} in '{path}' is of a part of the image or binned; give the "
            'calibration of these images (--calibration)'
        )
    # ROS 1 has capital letters.
    k, d, r, p = (
        tuple(map(float, getattr(info, name, getattr(info, name.upper(), ())))) for name in 'kdrp'
    )
    return Calibration(int(info.width), int(info.height), k, d, r, p, str(info.distortion_model))
