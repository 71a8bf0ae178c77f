# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image, CompressedImage, CameraInfo and LabelInfo messages made without ROS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from drivseg_ros.bags.calibration import Calibration
from drivseg_ros.bags.typestore import LABEL_INFO, standard_types
from drivseg_ros.images.codec import compressed_image_fields, image_fields
from drivseg_ros.model.card import ModelClass


def header(stamp_ns: int, frame_id: str) -> Any:
    """A std_msgs/Header."""
    types = standard_types().types
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    stamp = types['builtin_interfaces/msg/Time'](seconds, nanoseconds)
    return types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame_id)


def label_info(classes: Sequence[ModelClass]) -> Any:
    """A vision_msgs/LabelInfo that names the ids of labels or masks.

    The header is left empty: the meaning of the ids belongs to no frame and no time. The threshold
    is 0, because every pixel has a class.
    """
    types = standard_types().types
    entries = [types['vision_msgs/msg/VisionClass'](c.id, c.name) for c in classes]
    return types[LABEL_INFO](header=header(0, ''), class_map=entries, threshold=0.0)


def image(pixels: np.ndarray, *, encoding: str, stamp_ns: int, frame_id: str) -> Any:
    """A sensor_msgs/Image.

    Args:
        pixels: uint8 [H, W, 3] for 'bgr8' and 'rgb8' (taken as they are, nothing is swapped),
            uint8 [H, W] for 'mono8'; any strides.
        encoding: one of those three.
        stamp_ns: header stamp.
        frame_id: header frame.

    Raises:
        ImageError: if the array does not fit the encoding.
    """
    return standard_types().types['sensor_msgs/msg/Image'](
        header=header(stamp_ns, frame_id), **image_fields(pixels, encoding=encoding)
    )


def compressed_image(file: bytes, *, stamp_ns: int, frame_id: str) -> Any:
    """A sensor_msgs/CompressedImage with a JPEG or PNG file.

    Args:
        file: the file; a PNG has 8 bits a channel and no transparency.
        stamp_ns: header stamp.
        frame_id: header frame.

    Raises:
        ImageError: if it is neither, or cut off.
    """
    return standard_types().types['sensor_msgs/msg/CompressedImage'](
        header=header(stamp_ns, frame_id), **compressed_image_fields(file)
    )


def camera_info(calibration: Calibration, *, stamp_ns: int, frame_id: str) -> Any:
    """A sensor_msgs/CameraInfo."""
    types = standard_types().types
    roi = types['sensor_msgs/msg/RegionOfInterest'](
        x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    return types['sensor_msgs/msg/CameraInfo'](
        header=header(stamp_ns, frame_id),
        height=calibration.height,
        width=calibration.width,
        distortion_model=calibration.distortion_model,
        d=np.array(calibration.d, np.float64),
        k=np.array(calibration.k, np.float64),
        r=np.array(calibration.r, np.float64),
        p=np.array(calibration.p, np.float64),
        binning_x=0,
        binning_y=0,
        roi=roi,
    )
