# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of the outputs in metres, and where a camera is by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.pose import CameraPose
from drivseg_ros.ground.spec import GridSpec
from drivseg_ros.node.parameter_spec import Kind, ParameterSpec

BY_TF = 'tf'
"""The entry of camera_poses of a camera whose pose is taken from TF."""

RECTIFIED = ('auto', 'always', 'never')

_POSE = {
    'x': 'x_m',
    'y': 'y_m',
    'height': 'height_m',
    'roll': 'roll_deg',
    'pitch': 'pitch_deg',
    'yaw': 'yaw_deg',
}
_GRID = GridSpec()
_FAR_M = 1000.0


def _metres(name: str, description: str, *, minimum: float = -_FAR_M) -> ParameterSpec:
    return ParameterSpec(
        name=name,
        kind=Kind.NUMBER,
        default=getattr(_GRID, name.removeprefix('grid_').removeprefix('ground_')),
        description=description,
        minimum=minimum,
        maximum=_FAR_M,
    )


GROUND_SPECS = (
    ParameterSpec(
        name='ground_frame',
        kind=Kind.STRING,
        default='base_link',
        description='Frame of the outputs in metres: x ahead, y left, and z = 0 is the ground',
    ),
    ParameterSpec(
        name='camera_poses',
        kind=Kind.STRING_LIST,
        default=(BY_TF,),
        description='Where each camera is, in the order of image_topics: tf, or for instance '
        '"height=1.5 pitch=4 x=1.2" (x, y, height in metres; roll, pitch, yaw in degrees, pitch '
        'positive downwards); one entry counts for all',
        unique=False,
    ),
    ParameterSpec(
        name='rectified',
        kind=Kind.STRING,
        default='auto',
        description='Whether the images are rectified, so that camera_info counts without its '
        'distortion; auto: those on topics named image_rect...',
        choices=RECTIFIED,
    ),
    _metres('grid_x_min_m', 'Grid: its edge behind'),
    _metres('grid_x_max_m', 'Grid: its edge ahead'),
    _metres('grid_y_min_m', 'Grid: its edge at the right'),
    _metres('grid_y_max_m', 'Grid: its edge at the left'),
    _metres('grid_resolution_m', "Grid: a cell's side", minimum=0.0),
    ParameterSpec(
        name='grid_merge_window_s',
        kind=Kind.NUMBER,
        default=0.2,
        description='How far apart the stamps of grids in ~/merged_grid may be',
        minimum=0.0,
        maximum=60.0,
    ),
    ParameterSpec(
        name='ground_pitch_error_deg',
        kind=Kind.NUMBER,
        default=_GRID.pitch_error_deg,
        description='How wrong the pitch of the camera may be',
        minimum=0.0,
        maximum=45.0,
    ),
    _metres(
        'ground_max_error_m',
        'Ground is unknown where that error moves it by more',
        minimum=0.0,
    ),
    _metres('ground_near_m', 'Ground nearer to the camera is unknown: the bonnet', minimum=0.0),
    _metres(
        'ground_ego_width_m',
        'Width of the strip ahead of the camera that drivable ground is connected with',
        minimum=0.0,
    ),
    ParameterSpec(
        name='ground_scan_step_deg',
        kind=Kind.NUMBER,
        default=_GRID.scan_step_deg,
        description='Scan: from one ray to the next',
        minimum=0.05,
        maximum=45.0,
    ),
    ParameterSpec(
        name='ground_points_step',
        kind=Kind.INTEGER,
        default=_GRID.points_step,
        description='Points: of how many pixels by how many a point is one',
        minimum=1,
        maximum=64,
    ),
)


def grid_spec(values: Mapping[str, Any]) -> GridSpec:
    """The grid of parameters by name.

    Raises:
        ParameterError: if they do not fit together.
    """
    return GridSpec(
        **{
            spec.name.removeprefix('grid_').removeprefix('ground_'): values[spec.name]
            for spec in GROUND_SPECS
            if spec.kind in (Kind.NUMBER, Kind.INTEGER) and spec.name != 'grid_merge_window_s'
        }
    )


def read_pose(text: str) -> CameraPose | None:
    """The pose of an entry of camera_poses; None where TF has it.

    Raises:
        ParameterError: if it is none.
    """
    if text.strip() == BY_TF:
        return None
    given: dict[str, float] = {}
    for word in text.split():
        name, _, value = word.partition('=')
        try:
            if _POSE[name] in given:
                raise ValueError
            given[_POSE[name]] = float(value)
        except (KeyError, ValueError):
            raise ParameterError(
                f'camera_poses has {text!r}, with {word!r}; give {BY_TF}, or each once of '
                f'{", ".join(f"{known}=NUMBER" for known in _POSE)}'
            ) from None
    if 'height_m' not in given:
        raise ParameterError(f'camera_poses has {text!r} without a height; add height=METRES')
    return CameraPose.mounted(**given)
