# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels against an independent projection: the road integrated anew, K and a rotation matrix."""

from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.scenes import Drive
from drivseg_ros.scenes.layout import Wall
from drivseg_ros.scenes.randomness import Stream
from drivseg_ros.scenes.road import RoadView
from drivseg_ros.scenes.walls import WallPainter

SEEDS = (0, 3, 8, 11, 17, 21, 23, 30)


def reference_points(drive: Drive, view: RoadView, across: float) -> np.ndarray:
    """Ground points (x right, y down, z ahead of a level camera) of a line along the road."""
    alignment, step = drive._alignment, 0.02
    along = view.along
    slope = float(view.node_m[0])
    grade0 = float(alignment.grade(np.array([along]))[0])
    z = np.arange(0.0, 120.0, step)
    curvature = alignment.curvature(along + z)
    slopes = slope + np.concatenate([[0.0], np.cumsum(curvature[:-1]) * step])
    x = np.concatenate([[0.0], np.cumsum(slopes[:-1]) * step])
    rise = alignment.grade(along + z) - grade0
    height = np.concatenate([[0.0], np.cumsum(rise[:-1]) * step])
    offset = float(view.node_x[0]) - slope * float(view.node_z[0])
    # A point ``across`` to the right stands on the normal of the reference line.
    norm = np.sqrt(1.0 + slopes * slopes)
    return np.stack(
        [
            x + offset + across / norm,
            view.camera.above_ground - height,
            z - across * slopes / norm,
        ],
        axis=1,
    )


def project(drive: Drive, view: RoadView, points: np.ndarray) -> np.ndarray:
    k = np.array(drive.camera_info.k).reshape(3, 3)
    pitch = np.arctan2(view.camera.pitch_sin, view.camera.pitch_cos)
    turn = np.array(
        [
            [1.0, 0.0, 0.0],
            [0.0, np.cos(pitch), -np.sin(pitch)],
            [0.0, np.sin(pitch), np.cos(pitch)],
        ]
    )
    seen = points @ turn.T
    seen = seen[seen[:, 2] > 0.5]
    image = seen @ k.T
    return image[:, :2] / image[:, 2:]


def at_rows(points: np.ndarray) -> np.ndarray:
    """Where a projected line crosses the middles of the 640x360 picture's rows, to 45 m.

    A row far away spans metres of road, so labels can only be checked at its middle.
    """
    points = points[:2250]
    # A crest may hide the line's far part: keep it only while it climbs in the picture.
    down = np.flatnonzero(np.diff(points[:, 1]) >= 0.0)
    points = points[: down[0]] if len(down) else points
    rows = np.arange(np.ceil(points[-1, 1]), 360.0)
    columns = np.rint(np.interp(rows, points[::-1, 1], points[::-1, 0], right=-1.0))
    good = (columns >= 0) & (columns < 640)
    return np.stack([columns[good], rows[good]], axis=1).astype(int)


@pytest.mark.parametrize(
    ('seed', 'bend'), [*((seed, None) for seed in SEEDS), (0, 0.012), (3, -0.012), (8, 0.006)]
)
def test_lane_edges_lie_where_the_road_is_projected(seed: int, bend: float | None) -> None:
    drive = Drive(seed)
    if bend is not None:
        drive._alignment._curvature[:] = bend
    along, _, _ = drive._traffic.at(1.0)
    view = drive._view(1.0, along)
    class_ids = np.full((360, 640), 2, np.uint8)
    drive._label_ground(view, class_ids)
    left, right = drive._layout.direct
    checked = 0
    for across, inside, outside in ((left, 0.3, -0.3), (right, -0.3, 0.3)):
        for offset, wanted in ((inside, True), (outside, False)):
            pixels = at_rows(project(drive, view, reference_points(drive, view, across + offset)))
            found = class_ids[pixels[:, 1], pixels[:, 0]] == 0
            checked += len(found)
            assert np.mean(found == wanted) > 0.985, (across, offset)
    assert checked > 100


@pytest.mark.parametrize('seed', SEEDS)
def test_our_lanes_beside_ego_are_alternative_and_oncoming_ones_are_not(seed: int) -> None:
    drive = Drive(seed)
    along, _, _ = drive._traffic.at(0.0)
    view = drive._view(0.0, along)
    class_ids = np.full((360, 640), 2, np.uint8)
    drive._label_ground(view, class_ids)
    layout = drive._layout
    wanted = [(layout.lane_center(i), int(i != layout.ego_lane)) for i in range(layout.lanes)]
    wanted += [(center, 2) for center in layout.oncoming]
    for across, label in wanted:
        pixels = at_rows(project(drive, view, reference_points(drive, view, across)))
        if len(pixels):
            assert np.mean(class_ids[pixels[:, 1], pixels[:, 0]] == label) > 0.98


@pytest.mark.parametrize('seed', range(0, 24, 3))
def test_what_stands_on_the_road_only_ever_turns_it_to_background(seed: int) -> None:
    drive = Drive(seed, width=320, height=180)
    along, _, _ = drive._traffic.at(2.0)
    ground = np.full((180, 320), 2, np.uint8)
    drive._label_ground(drive._view(2.0, along), ground)
    seen = drive.frame(40).class_ids
    changed = seen != ground
    assert np.all(seen[changed] == 2)


def test_the_camera_info_is_that_of_a_plain_pinhole() -> None:
    info = Drive(6, width=320, height=200).camera_info
    k, p = np.array(info.k).reshape(3, 3), np.array(info.p).reshape(3, 4)
    assert (info.width, info.height) == (320, 200)
    assert k[0, 0] == k[1, 1] > 0.5 * 320
    assert (k[0, 2], k[1, 2]) == (159.5, 99.5)
    assert np.array_equal(p[:, :3], k)
    assert np.array_equal(p[:, 3], np.zeros(3))
    assert info.d == (0.0,) * 5
    assert np.array_equal(np.array(info.r).reshape(3, 3), np.eye(3))


def test_the_camera_info_scales_with_the_picture() -> None:
    small, large = (Drive(6, width=w, height=w * 9 // 16).camera_info for w in (320, 1280))
    assert large.k[0] == pytest.approx(4.0 * small.k[0])


@pytest.mark.parametrize('side', [-1.0, 1.0])
def test_a_wall_hides_the_ground_that_a_ray_finds_behind_it(side: float) -> None:
    """Rays by pixel against a wall at 2 m on a flat road that bends towards it."""
    drive = Drive(3, width=160, height=90)
    drive._alignment._curvature[:] = 0.012 * side
    drive._alignment._grade[:] = 0.0
    view = RoadView(drive._alignment, drive._camera, along=100.0, across=0.0, slope=0.0)
    at, height = 2.0 * side, 0.8
    painted = np.zeros((90, 160), np.uint8)
    painter = WallPainter(Wall(at, 'jersey', height), drive._look, Stream('wall'))
    painter.paint(view, np.zeros((90, 160, 3), np.uint8), painted, None)

    camera = view.camera
    z = np.arange(0.5, 250.0, 0.01)
    slope = 0.012 * side * z
    wall_x = 0.5 * 0.012 * side * z * z + at * np.sqrt(1.0 + slope * slope)
    wrong = total = 0
    for row in range(view.first_row + 1, 90, 3):
        for column in range(0, 160, 5):
            down = (row - camera.cy) / camera.focal
            right = (column - camera.cx) / camera.focal
            ahead = camera.pitch_cos - down * camera.pitch_sin
            fall = down * camera.pitch_cos + camera.pitch_sin
            above = camera.above_ground - fall / ahead * z
            beyond = (right / ahead * z - wall_x) * side > 0.0
            met = np.flatnonzero(beyond)
            hit = len(met) > 0 and 0.0 <= above[met[0]] <= height
            wrong += int(hit != (painted[row, column] == 2))
            total += 1
    assert np.any(painted == 2)
    assert wrong <= 0.02 * total
