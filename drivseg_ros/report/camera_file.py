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

from drivseg_ros.bags.calibration import Calibration, read_calibration
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
        BagError: if the calibration cannot be read.
        ParameterError: if it says something that is not allowed.
    """
    calibration = read_calibration(path)
    content = read_yaml(path, "a camera's calibration", error=ParameterError)
    if 'mounting' not in content:
        raise ParameterError(
            f"'{path}' says nothing of the camera's mounting; add `mounting: "
            f'{{height_m: 1.5, ...}}`, of {", ".join(MOUNTING)}'
        )
    pose = _numbers(content['mounting'], MOUNTING, f"the mounting in '{path}'")
    if 'height_m' not in pose:
        raise ParameterError(f"the mounting in '{path}' lacks height_m; measure it and add it")
    spec = _numbers(content.get('grid', {}), _GRID, f"the grid in '{path}'")
    if 'points_step' in spec:
        spec['points_step'] = int(spec['points_step'])
    return CameraFile(intrinsics_of(calibration), CameraPose.mounted(**pose), GridSpec(**spec))


def camera_file_text(calibration: Calibration, mounting: Mapping[str, float]) -> str:
    r"""The text of a file that \`read_camera_file\` reads."""
    pose = ', '.join(f'{name}: {mounting[name]:.4f}' for name in MOUNTING if name in mounting)
    return '\n'.join(
        [
            f'image_width: {calibration.width}',
            f'image_height: {calibration.height}',
            f'camera_matrix: {{rows: 3, cols: 3, data: {list(calibration.k)}}}',
            f'distortion_model: {calibration.distortion_model}',
            f'distortion_coefficients: {{rows: 1, cols: {len(calibration.d)}, '
            f'data: {list(calibration.d)}}}',
            f'mounting: {{{pose}}}',
            '',
        ]
    )


def intrinsics_of(calibration: Calibration) -> Intrinsics:
    """The intrinsics that a calibration describes.

    Raises:
        ParameterError: if something in it is not allowed.
    """
    return Intrinsics.from_camera_info(
        width=calibration.width,
        height=calibration.height,
        k=calibration.k,
        d=calibration.d,
        distortion_model=calibration.distortion_model,
    )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _numbers(given: Any, allowed: Collection[str], what: str) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not given.keys() <= set(allowed):
        raise ParameterError(f'{what} is {given!r}; a mapping with {", ".join(allowed)} is allowed')
    for key, value in given.items():
        if not _is_number(value):
            raise ParameterError(f'{what} has {key}: {value!r}; a number is allowed')
    return dict(given)
