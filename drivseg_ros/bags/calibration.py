# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Camera calibrations from files: ROS camera_info YAML, and KITTI's calib_cam_to_cam.txt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivseg_ros.base.text_file import read_text
from drivseg_ros.base.yaml_data import MAX_BYTES, parse_yaml
from drivseg_ros.errors import BagError

_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Calibration:
    """A pinhole camera as sensor_msgs/CameraInfo describes it; all matrices row by row.

    Attributes:
        width: image width in pixels.
        height: image height in pixels.
        k: intrinsic matrix of the raw image, 9 numbers.
        d: distortion coefficients.
        r: rectification, 9 numbers.
        p: projection of the rectified image, 12 numbers.
        distortion_model: 'plumb_bob' (5 coefficients) unless the file has another.
    """

    width: int
    height: int
    k: tuple[float, ...]
    d: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]
    distortion_model: str = 'plumb_bob'

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise BagError(f'a calibration for images of {self.width}x{self.height} is of no use')
        for name, numbers, count in (('k', self.k, 9), ('r', self.r, 9), ('p', self.p, 12)):
            if len(numbers) != count:
                raise BagError(
                    f'calibration: {name} has {len(numbers)} numbers; {count} are needed'
                )


def pinhole(width: int, height: int, *, fx: float, fy: float, cx: float, cy: float) -> Calibration:
    """An ideal camera without distortion."""
    k = (fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0)
    p = (fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0)
    return Calibration(width, height, k, (0.0,) * 5, _IDENTITY, p)


def read_calibration(path: Path, *, kitti_camera: str = '02') -> Calibration:
    """Reads a calibration file.

    Args:
        path: a ``.yaml`` file as the camera_calibration package writes it, or KITTI raw's
            ``calib_cam_to_cam.txt``.
        kitti_camera: which of KITTI's cameras; '02' is the left colour camera. Its raw data set
            gives rectified images, so the result has no distortion.

    Raises:
        BagError: if the file cannot be read or lacks something.
    """
    text = read_text(path, 'a calibration', max_bytes=MAX_BYTES, error=BagError)
    try:
        if path.suffix in ('.yaml', '.yml'):
            return _from_yaml(parse_yaml(text, f'the calibration {path}', error=BagError))
        return _from_kitti(text, kitti_camera)
    except (KeyError, TypeError, ValueError) as error:
        raise BagError(
            f'calibration {path} cannot be understood ({type(error).__name__}: {error}); give a '
            "camera_info .yaml (image_width, camera_matrix, ...) or KITTI's calib_cam_to_cam.txt"
        ) from error


def _from_yaml(content: Any) -> Calibration:
    def numbers(name: str, default: tuple[float, ...] | None = None) -> tuple[float, ...]:
        if default is not None and name not in content:
            return default
        return tuple(float(x) for x in content[name]['data'])

    width, height = int(content['image_width']), int(content['image_height'])
    k = numbers('camera_matrix')
    return Calibration(
        width=width,
        height=height,
        k=k,
        d=numbers('distortion_coefficients'),
        # Files that people write by hand often lack what is for rectified images only.
        r=numbers('rectification_matrix', _IDENTITY),
        p=numbers('projection_matrix', (*k[0:3], 0.0, *k[3:6], 0.0, *k[6:9], 0.0)),
        distortion_model=str(content.get('distortion_model', 'plumb_bob')),
    )


def _from_kitti(text: str, camera: str) -> Calibration:
    fields = dict(line.split(':', 1) for line in text.splitlines() if ':' in line)
    width, height = (int(float(x)) for x in fields[f'S_rect_{camera}'].split())
    p = tuple(float(x) for x in fields[f'P_rect_{camera}'].split())
    # The images are rectified already: K is P's left part, and nothing is left to rectify.
    k = (*p[0:3], *p[4:7], *p[8:11])
    return Calibration(width, height, k, (0.0,) * 5, _IDENTITY, p)
