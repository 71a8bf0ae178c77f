# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered roads seen by other cameras: any lens, turn and height, with the truth in metres."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from ground_cameras import intrinsics

from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.intrinsics import Intrinsics
from drivseg_ros.ground.pose import CameraPose
from drivseg_ros.scenes import Drive
from drivseg_ros.scenes.drive import ALTERNATIVE, BACKGROUND, DIRECT
from drivseg_ros.scenes.road import RoadView

_WIDTH, _HEIGHT, _FOCAL = 1920, 1440, 0.4


@dataclass(frozen=True, eq=False)
class Road:
    """One moment of a drive on flat ground, with a camera of its own."""

    camera: GroundCamera
    mask: np.ndarray
    view: RoadView
    drive: Drive

    def across(self, points: np.ndarray) -> np.ndarray:
        """Metres right of the reference line, of points [..., 2] in the ground frame."""
        ahead, right = points[..., 0], -points[..., 1]
        line = np.interp(ahead, self.view.node_z, self.view.node_x)
        return (right - line) / np.interp(ahead, self.view.node_z, self.view.node_q)

    def truth(self, points: np.ndarray) -> np.ndarray:
        """The class of each of these points, uint8 [...]."""
        across, edges = self.across(points), self.drive._layout.lane_edges
        left, right = self.drive._layout.direct
        found = np.full(across.shape, BACKGROUND, np.uint8)
        found[(across >= edges[0]) & (across < edges[-1])] = ALTERNATIVE
        found[(across >= left) & (across < right)] = DIRECT
        return found

    def bound(self, ahead: np.ndarray, across: float) -> np.ndarray:
        """y of a line along the road at x."""
        line = np.interp(ahead, self.view.node_z, self.view.node_x)
        return -(line + across * np.interp(ahead, self.view.node_z, self.view.node_q))


def rendered_road(
    seed: int,
    *,
    lens: str,
    height_m: float,
    pitch_deg: float,
    roll_deg: float,
    traffic: bool = False,
) -> Road:
    """A road of the scenes, drawn by a wide camera and seen through the lens from the same place.

    Args:
        seed: of the drive.
        lens: one of `ground_cameras.LENSES`.
        height_m: of the camera.
        pitch_deg: of the camera, positive looks down.
        roll_deg: of the camera.
        traffic: with all that stands on the ground, rendered; else the lanes alone.
    """
    drive = Drive(seed, width=_WIDTH, height=_HEIGHT)
    drive._alignment._grade[:] = 0.0
    drive._bumps[:] = 0.0
    drive._mount_yaw = 0.0
    wide = dataclasses.replace(
        drive._camera,
        focal=_FOCAL * _WIDTH,
        above_ground=height_m,
        pitch_cos=math.cos(math.radians(8)),
        pitch_sin=math.sin(math.radians(8)),
    )
    drive._camera = wide
    drive._lens._bonnet = []
    along, _, _ = drive._traffic.at(1.0)
    view = drive._view(1.0, along)
    if traffic:
        labels = drive._render(1.0, 20, 0).class_ids
    else:
        labels = np.full((_HEIGHT, _WIDTH), BACKGROUND, np.uint8)
        drive._label_ground(view, labels)
    render = Intrinsics(_WIDTH, _HEIGHT, wide.focal, wide.focal, wide.cx, wide.cy)
    camera = GroundCamera(
        intrinsics(lens),
        CameraPose.mounted(height_m=height_m, pitch_deg=pitch_deg, roll_deg=roll_deg),
    )
    eye = camera.intrinsics
    columns, rows = np.meshgrid(np.arange(float(eye.width)), np.arange(float(eye.height)))
    rays = eye.rays(np.stack([columns.ravel(), rows.ravel()], axis=1))
    # Both stand at the same place, so that turning is all there is between them.
    turn = CameraPose.mounted(height_m=height_m, pitch_deg=8).matrix.T @ camera.pose.matrix
    pixels = np.rint(render.pixels(rays @ turn.T))
    seen = ~np.isnan(pixels).any(axis=1)
    mask = np.full(eye.width * eye.height, 255, np.uint8)
    at = pixels[seen].astype(int)
    mask[seen] = labels[at[:, 1], at[:, 0]]
    return Road(camera, mask.reshape(eye.height, eye.width), view, drive)
