# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera's pitch, yaw and height from the ego lane's edges over a drive.

On the ground the edges of a lane are parallel to the way that the vehicle goes, over the whole of a
drive. Where they meet in the image is therefore straight ahead: that gives pitch and yaw, and with
these the width of the lane at a height of 1 m. A bend moves the point sideways only, and is fitted;
hills move it up as often as down, so the medians count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.intrinsics import Intrinsics
from drivseg_ros.ground.pose import CameraPose

MIN_FRAMES = 30
"""Frames with a lane that a calibration needs."""
_ROWS = 150
_MIN_EDGE = 30
_ROUGH = 0.02
_TOO_FAR = 0.03
_BLOCKS, _DRAWS = 20, 1000


@dataclass(frozen=True)
class LaneSight:
    """What one frame says.

    Attributes:
        pitch_deg: of the camera, positive looks down.
        yaw_deg: of the camera against the lane, positive looks to the left.
        width: of the lane, in heights of the camera.
    """

    pitch_deg: float
    yaw_deg: float
    width: float


@dataclass(frozen=True)
class Estimate:
    """A value, and how sure it is.

    Attributes:
        value: the median over the frames.
        margin: half of the interval that holds 95 % of what other frames of the same kind give,
            from draws of whole stretches of the drive.
        spread: half the distance of the 10th and the 90th percentile of single frames.
    """

    value: float
    margin: float
    spread: float


@dataclass(frozen=True)
class Calibration:
    """What a drive says.

    Attributes:
        pitch_deg: of the camera, positive looks down.
        yaw_deg: of the camera, positive looks to the left.
        height_m: above the ground.
        frames: how many showed a lane.
    """

    pitch_deg: Estimate
    yaw_deg: Estimate
    height_m: Estimate
    frames: int


def see_lane(
    class_ids: np.ndarray,
    *,
    lane_ids: Iterable[int],
    intrinsics: Intrinsics,
    roll_deg: float = 0.0,
) -> LaneSight | None:
    """What the edges of the ego lane say of the camera, or None where they are not clear.

    Args:
        class_ids: uint8 [H, W].
        lane_ids: the classes of the ego lane.
        intrinsics: of the camera, for this size.
        roll_deg: of the camera, positive leans to the right.
    """
    lane = np.isin(class_ids, list(lane_ids)).view(np.uint8)
    count, parts, facts, _ = cv2.connectedComponentsWithStats(lane, connectivity=4)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(facts[1:, cv2.CC_STAT_AREA]))
    top, height = facts[largest, cv2.CC_STAT_TOP], facts[largest, cv2.CC_STAT_HEIGHT]
    rows = np.unique(np.linspace(top, top + height - 1, _ROWS).astype(int))
    inside = parts[rows] == largest
    width = class_ids.shape[1]
    columns = {
        'left': np.argmax(inside, axis=1) - 0.5,
        'right': width - 0.5 - np.argmax(inside[:, ::-1], axis=1),
    }
    lines = []
    for edge in columns.values():
        seen = (edge > 0) & (edge < width - 1)  # else it is the image's edge
        line = _line(intrinsics.rays(np.stack([edge[seen], rows[seen].astype(float)], axis=1)))
        if line is None:
            return None
        lines.append(line)
    left, right = lines
    if not 0.3 < right.slope - left.slope < 20:
        return None
    ahead_y = (left.start - right.start) / (right.slope - left.slope)
    ahead = np.array([_straight_ahead(left, right, ahead_y), ahead_y, 1.0])
    ahead /= np.linalg.norm(ahead)
    # By roll alone; the rest of the way to straight ahead is pitch and yaw.
    rolled = CameraPose.mounted(height_m=1, roll_deg=roll_deg).matrix
    x, y, z = rolled @ ahead
    pitch, yaw = math.degrees(math.atan2(z, x)), -math.degrees(math.asin(y))
    pose = CameraPose.mounted(height_m=1, pitch_deg=pitch, yaw_deg=yaw, roll_deg=roll_deg)
    below = ahead_y + 0.2
    edges = [[one.start + one.slope * below, below, 1.0] for one in lines]
    rays = np.array(edges) @ pose.matrix.T
    if not (rays[:, 2] < 0).all():
        return None
    on_left, on_right = (ray[1] / -ray[2] for ray in rays)
    return LaneSight(pitch, yaw, float(on_left - on_right))


def check_lane_width(lane_width_m: float) -> None:
    """Refuses what is no width of a lane.

    Raises:
        ParameterError: if it is out of range.
    """
    if not 1 <= lane_width_m <= 10:
        raise ParameterError(f'a lane {lane_width_m:g} m wide; 1 to 10 m are allowed')


def calibrate(sights: Sequence[LaneSight], *, lane_width_m: float) -> Calibration:
    """Puts together what the frames of a drive say.

    Args:
        sights: in the order of the drive.
        lane_width_m: between the edges that the masks have.

    Raises:
        ParameterError: if there are too few, or the width is none.
    """
    check_lane_width(lane_width_m)
    if len(sights) < MIN_FRAMES:
        raise ParameterError(
            f'{len(sights)} frames show both edges of the ego lane; at least {MIN_FRAMES} are '
            'needed: drive on a straight road with marked lanes'
        )
    table = np.array([(one.pitch_deg, one.yaw_deg, lane_width_m / one.width) for one in sights])
    # Neighbouring frames say the same: stretches of the drive are drawn, not frames.
    blocks = np.array_split(table, _BLOCKS)
    rng = np.random.default_rng(0)
    draws = [
        np.median(np.concatenate([blocks[i] for i in rng.integers(0, _BLOCKS, _BLOCKS)]), axis=0)
        for _ in range(_DRAWS)
    ]
    low, high = np.percentile(draws, (2.5, 97.5), axis=0)
    lower, upper = np.percentile(table, (10, 90), axis=0)
    pitch, yaw, height = (
        Estimate(float(value), float(margin), float(spread))
        for value, margin, spread in zip(
            np.median(table, axis=0), (high - low) / 2, (upper - lower) / 2, strict=True
        )
    )
    return Calibration(pitch, yaw, height, len(sights))


@dataclass(frozen=True, eq=False)
class _Line:
    """x = start + slope y through most of some rays (z = 1), which have weights."""

    start: float
    slope: float
    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray


def _line(rays: np.ndarray) -> _Line | None:
    """The line through most of the rays, or None where there is none."""
    x, y, _ = rays[~np.isnan(rays).any(axis=1)].T
    if len(x) < _MIN_EDGE:
        return None
    terms = np.stack([np.ones_like(y), y], axis=1)
    weights = np.ones_like(x)
    for _ in range(15):
        scaled = terms * weights[:, None]
        (a, b), *_ = np.linalg.lstsq(scaled, x * weights, rcond=None)
        off = np.abs(x - a - b * y)
        rough = 1.48 * float(np.median(off))
        # Tukey's weights: what a vehicle hides, or a bend, does not count.
        weights = np.clip(1 - (off / max(4.7 * rough, 1e-9)) ** 2, 0, None)
    return _Line(float(a), float(b), x, y, weights) if rough < _ROUGH else None


def _straight_ahead(left: _Line, right: _Line, horizon: float) -> float:
    """X of the direction of the lane at the vehicle, of edges that may bend.

    A bend adds the same to both edges, by the inverse of how far below the horizon they are seen.
    """
    parts = []
    for line, sides in ((left, (1.0, 0.0)), (right, (0.0, 1.0))):
        below = line.y - horizon
        near = below > _TOO_FAR
        below, weights = below[near], line.weights[near]
        terms = [np.ones_like(below), sides[0] * below, sides[1] * below, 1 / below, line.x[near]]
        parts.append(np.stack(terms, axis=1) * weights[:, None])
    table = np.concatenate(parts)
    found, *_ = np.linalg.lstsq(table[:, :4], table[:, 4], rcond=None)
    return float(found[0])
