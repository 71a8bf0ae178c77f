# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera in a file: what ROS's camera_calibration writes, and how the camera is mounted."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivseg_ros.base.yaml_data import read_yaml
from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.intrinsics import Intrinsics
from drivseg_ros.ground.pose import CameraPose
from drivseg_ros.ground.spec import GridSpec

MOUNTING = tuple(inspect.signature(CameraPose.mounted).parameters)
"""The keys below `mounting`."""
_GRID = tuple(field.name for field in dataclasses.fields(GridSpec))


@dataclass(frozen=True)
class CameraFile:
    """What a camera's file says.

    Attributes:
        intrinsics: for the calibrated size.
        pose: above the ground.
        spec: the ground that is looked at.
    """

    intrinsics: Intrinsics
    pose: CameraPose
    spec: GridSpec


def read_camera_file(path: Path) -> CameraFile:
    """Reads a YAML file as camera_calibration writes it, with `mounting` and optionally `grid`.

    Args:
        path: the file (docs/ground.md shows one).

    Raises:
        ParameterError: if it cannot be read, or says something that is not allowed.
    """
    content = read_yaml(path, "a camera's calibration", error=ParameterError)
    if not isinstance(content, Mapping):
        raise ParameterError(f"'{path}' is no calibration of a camera: a mapping is allowed")
    try:
        numbers = {key: content[key] for key in ('image_width', 'image_height')}
        matrix = content['camera_matrix']['data']
        distortion = content['distortion_coefficients']['data']
        model = content['distortion_model']
        mounting = content['mounting']
    except (KeyError, TypeError) as error:
        raise ParameterError(
            f"'{path}' lacks {error}; image_width, image_height, camera_matrix.data, "
            'distortion_model, distortion_coefficients.data (as camera_calibration writes them) '
            f'and mounting ({", ".join(MOUNTING)}) are needed: add it'
        ) from None
    pose = _numbers(mounting, MOUNTING, f"the mounting in '{path}'")
    if 'height_m' not in pose:
        raise ParameterError(f"the mounting in '{path}' lacks height_m; measure it and add it")
    spec = _numbers(content.get('grid', {}), _GRID, f"the grid in '{path}'")
    size = _numbers(numbers, tuple(numbers), f"the size in '{path}'")
    lists = {'camera_matrix': matrix, 'distortion_coefficients': distortion}
    for name, values in lists.items():
        if not isinstance(values, list) or not all(_is_number(one) for one in values):
            raise ParameterError(
                f"{name}.data in '{path}' is {values!r}; a list of numbers is allowed"
            )
    intrinsics = Intrinsics.from_camera_info(
        width=int(size['image_width']),
        height=int(size['image_height']),
        k=matrix,
        d=distortion,
        distortion_model=str(model),
    )
    if 'points_step' in spec:
        spec['points_step'] = int(spec['points_step'])
    return CameraFile(intrinsics, CameraPose.mounted(**pose), GridSpec(**spec))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _numbers(given: Any, allowed: Collection[str], what: str) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not given.keys() <= set(allowed):
        raise ParameterError(f'{what} is {given!r}; a mapping with {", ".join(allowed)} is allowed')
    for key, value in given.items():
        if not _is_number(value):
            raise ParameterError(f'{what} has {key}: {value!r}; a number is allowed')
    return dict(given)
