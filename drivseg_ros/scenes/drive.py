# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A drive: one seed, the same pictures and labels on every machine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass
from drivseg_ros.scenes.camera import CameraInfo, draw_camera
from drivseg_ros.scenes.ground import Ground
from drivseg_ros.scenes.layout import KINDS, draw_layout
from drivseg_ros.scenes.lens import Lens
from drivseg_ros.scenes.look import draw_look
from drivseg_ros.scenes.randomness import Stream
from drivseg_ros.scenes.road import Alignment, Place, RoadView
from drivseg_ros.scenes.roadside import Roadside, Thing, paint_thing
from drivseg_ros.scenes.sky import Sky
from drivseg_ros.scenes.traffic import Pose, Traffic
from drivseg_ros.scenes.vehicle import VehiclePainter
from drivseg_ros.scenes.walls import WallPainter

DIRECT, ALTERNATIVE, BACKGROUND = 0, 1, 2
MIN_SIZE, MAX_SIZE = 32, 4096
MAX_RATE_HZ, MAX_FRAMES = 1000.0, 1_000_000


@dataclass(frozen=True, eq=False)
class SceneFrame:
    """One picture with its exact labels.

    Attributes:
        image: uint8 [H, W, 3], RGB.
        class_ids: uint8 [H, W]; 0 direct, 1 alternative, 2 background.
        stamp_ns: Nanoseconds since the drive began.
    """

    image: np.ndarray
    class_ids: np.ndarray
    stamp_ns: int


class Drive:
    """A rendered drive along one road.

    Labels follow BDD100K: the ego lane is direct, other lanes of our direction are alternative,
    all else is background: oncoming lanes, shoulders, parking, verges, vehicles (with the ground
    below them), our own bonnet. A lane is labelled as far as the camera sees its ground. A street
    without markings is one lane, all of it direct.

    Args:
        seed: Names the drive; any whole number from 0.
        width: Image width in pixels.
        height: Image height in pixels.
        rate_hz: Frames a second.
        duration_s: Length in seconds.

    Raises:
        ParameterError: A value is not allowed.
    """

    def __init__(
        self,
        seed: int,
        *,
        width: int = 640,
        height: int = 360,
        rate_hz: float = 20.0,
        duration_s: float = 20.0,
    ) -> None:
        _check_size(width, height)
        _check_seed(seed)
        if not (math.isfinite(rate_hz) and 0.0 < rate_hz <= MAX_RATE_HZ):
            raise ParameterError(
                f'a drive at rate_hz = {rate_hz} cannot be rendered; '
                f'give a rate above 0 and up to {MAX_RATE_HZ:g} Hz'
            )
        if not (math.isfinite(duration_s) and 1.0 <= rate_hz * duration_s <= MAX_FRAMES):
            raise ParameterError(
                f'duration_s = {duration_s} at {rate_hz:g} Hz is not a drive; '
                f'give a duration of 1 to {MAX_FRAMES} frames'
            )
        self._setup(('drive', seed), width, height, panorama=3)
        self._rate_hz = rate_hz
        self._frames = round(rate_hz * duration_s)

    def _setup(self, key: tuple[str, int], width: int, height: int, *, panorama: int) -> None:
        self._layout = draw_layout(Stream(*key, 'layout'))
        self._look = draw_look(Stream(*key, 'look'))
        self._camera = draw_camera(Stream(*key, 'camera'), width=width, height=height)
        rule = KINDS[self._layout.kind]
        road = Stream(*key, 'road')
        bend = road.weighted([(1.0, 0.6), (0.25, 0.4)])
        self._alignment = Alignment(
            road, curvature=bend * rule.curvature, grade=road.uniform(0.0, rule.grade),
            spacing=road.uniform(35.0, 80.0),
        )  # fmt: skip
        self._traffic = Traffic(self._layout, Stream(*key, 'traffic'))
        self._roadside = Roadside(self._layout, Stream(*key, 'roadside'))
        self._ground = Ground(
            self._layout, self._look, Stream(*key, 'ground'), resolution=3.2 / max(width, 320)
        )
        self._sky = Sky(
            self._look,
            Stream(*key, 'sky'),
            width=width * panorama,
            height=height,
            turns=panorama,
        )
        walls = Stream(*key, 'walls')
        ordered = sorted(self._layout.walls, key=lambda wall: -abs(wall.at))
        self._walls = [WallPainter(wall, self._look, walls) for wall in ordered]
        self._lens = Lens(self._look, Stream(*key, 'lens'), width=width, height=height)
        ego = Stream(*key, 'ego')
        half = 0.5 * (self._layout.direct[1] - self._layout.direct[0])
        free = max(0.0, half - 1.0)
        self._place_in_lane = self._layout.lane_center(self._layout.ego_lane) + free * ego.uniform(
            -0.45, 0.45
        )
        self._sway = ego.uniform(0.05, 0.2) * min(1.0, free)
        self._sway_knots = ego.numbers(256) * 2.0 - 1.0
        self._bumps = (ego.numbers(256) * 2.0 - 1.0) * ego.uniform(0.0002, 0.0015)
        self._mount_yaw = ego.uniform(-0.08, 0.08)

    def __len__(self) -> int:
        return self._frames

    def __iter__(self) -> Iterator[SceneFrame]:
        for index in range(self._frames):
            yield self.frame(index)

    @property
    def camera_info(self) -> CameraInfo:
        """Calibration of the camera that sees this drive."""
        return self._camera.info

    @property
    def classes(self) -> tuple[ModelClass, ...]:
        """The classes of the labels."""
        return BDD100K_CLASSES

    @property
    def description(self) -> Mapping[str, Any]:
        """What this drive shows, in words and numbers."""
        layout, look, camera = self._layout, self._look, self._camera
        return {
            'road': layout.kind,
            'lanes': layout.lanes,
            'oncoming_lanes': len(layout.oncoming),
            'ego_lane': layout.ego_lane,
            'lane_width_m': round(layout.direct[1] - layout.direct[0], 2),
            'left_hand_traffic': layout.left_hand,
            'built_up': layout.built_up,
            'time': look.time,
            'weather': look.weather,
            'speed_mps': round(self._traffic.cruise, 1),
            'camera_height_m': round(camera.above_ground, 2),
            'focal_px': round(camera.focal, 1),
        }

    def frame(self, index: int) -> SceneFrame:
        """Render one frame, independently of all others.

        Raises:
            ParameterError: There is no such frame.
        """
        if not 0 <= index < self._frames:
            raise ParameterError(
                f'frame {index} does not exist; this drive has frames 0 to {self._frames - 1}'
            )
        return self._render(index / self._rate_hz, index, round(index * 1e9 / self._rate_hz))

    def _wave(self, knots: np.ndarray, place: float) -> tuple[float, float]:
        """A smooth curve through the knots and its slope."""
        low = math.floor(place)
        t = place - low
        a, b = float(knots[low % len(knots)]), float(knots[(low + 1) % len(knots)])
        return a + (b - a) * t * t * (3.0 - 2.0 * t), (b - a) * 6.0 * t * (1.0 - t)

    def _view(self, time: float, along: float) -> RoadView:
        sway, slope = self._wave(self._sway_knots, along / 45.0)
        bump, _ = self._wave(self._bumps, time * 6.0)
        return RoadView(
            self._alignment,
            self._camera.tilted(bump),
            along=along,
            across=self._place_in_lane + self._sway * sway,
            slope=self._mount_yaw - self._sway * slope / 45.0,
        )

    def _render(self, time: float, index: int, stamp_ns: int) -> SceneFrame:
        along, _, poses = self._traffic.at(time)
        view = self._view(time, along)
        camera = view.camera
        image = np.zeros((camera.height, camera.width, 3), np.uint8)
        class_ids = np.full((camera.height, camera.width), BACKGROUND, np.uint8)
        horizon = max(float(view.first_row), 0.0)
        turn = (self._alignment.heading(along) - view.node_m[0]) * camera.focal
        self._sky.paint(image, horizon=horizon, turn=float(turn))
        gloss = None
        if len(view.rows):
            gloss = self._ground.paint(view, image)
            self._label_ground(view, class_ids)
        behind, before = self._sorted_things(view, poses)
        self._paint_all(image, class_ids, view, behind)
        for wall in self._walls:
            wall.paint(view, image, class_ids, gloss)
        if gloss is not None:
            self._lens.wet_road(image, gloss, view.first_row, camera.horizon)
        self._paint_all(image, class_ids, view, before)
        image = self._lens.finish(image, class_ids, index)
        return SceneFrame(np.ascontiguousarray(image), class_ids, stamp_ns)

    def _label_ground(self, view: RoadView, class_ids: np.ndarray) -> None:
        columns = np.arange(view.camera.width, dtype=np.float64)[None, :]
        edges = self._layout.lane_edges
        target = class_ids[view.first_row :]
        for label, (left, right) in (
            (ALTERNATIVE, (edges[0], edges[-1])),
            (DIRECT, self._layout.direct),
        ):
            start = np.ceil(np.clip(view.columns(left), -1.0, view.camera.width + 1.0))
            stop = np.ceil(np.clip(view.columns(right), -1.0, view.camera.width + 1.0))
            inside = (columns >= start[:, None]) & (columns < stop[:, None])
            target[inside] = label

    def _sorted_things(
        self, view: RoadView, poses: list[Pose]
    ) -> tuple[list[tuple[Place, Pose | Thing]], list[tuple[Place, Pose | Thing]]]:
        """What stands behind the walls and what before them, each from far to near."""
        found: list[tuple[float, Place, Pose | Thing]] = []
        things: list[Pose | Thing] = [*poses, *self._roadside.near(view.along)]
        for thing in things:
            place = view.place(thing.along, thing.across)
            if place is not None and place.z > -14.0:
                found.append((place.z, place, thing))
        found.sort(key=lambda item: -item[0])
        tall = [painter.wall.at for painter in self._walls]
        behind: list[tuple[Place, Pose | Thing]] = []
        before: list[tuple[Place, Pose | Thing]] = []
        for _, place, thing in found:
            hidden = _behind_wall(view, place, tall)
            (behind if hidden else before).append((place, thing))
        return behind, before

    def _paint_all(
        self,
        image: np.ndarray,
        class_ids: np.ndarray,
        view: RoadView,
        items: list[tuple[Place, Pose | Thing]],
    ) -> None:
        for place, thing in items:
            pose = thing if isinstance(thing, Pose) else thing.pose
            if isinstance(thing, Thing) and thing.kind != 'parked':
                paint_thing(image, class_ids, view, place, thing, self._look)
                continue
            camera = view.camera
            if place.z > 3.0:
                depth = camera.depth(place.y, place.z)
                column = camera.cx + camera.focal * place.x / depth
                if abs(column - camera.cx) > 0.5 * camera.width + 8.0 * camera.focal / depth:
                    continue
            VehiclePainter(image, camera, place, pose, self._look).paint(class_ids)


def _behind_wall(view: RoadView, place: Place, walls: list[float]) -> bool:
    """Does a wall along the road stand between the camera and a spot on the ground?"""
    if place.z <= 1.0:
        return False
    target = place.x / place.z
    nodes = (view.node_z > 1.0) & (view.node_z < place.z)
    for at in walls:
        offset = view.node_x[nodes] + at * view.node_q[nodes]
        if not len(offset):
            continue
        side = 1.0 if float(offset[0]) > target * float(view.node_z[nodes][0]) else -1.0
        beyond = side * (offset - target * view.node_z[nodes]) < 0.0
        if bool(beyond.any()):
            return True
    return False


def _check_size(width: int, height: int) -> None:
    for name, value in (('width', width), ('height', height)):
        if not isinstance(value, int) or not MIN_SIZE <= value <= MAX_SIZE:
            raise ParameterError(
                f'{name} = {value!r} is not an image size; '
                f'give a whole number from {MIN_SIZE} to {MAX_SIZE}'
            )


def _check_seed(seed: int) -> None:
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ParameterError(f'seed = {seed!r} does not name a drive; give a whole number from 0')


class _Snapshot(Drive):
    """A drive of which only one moment is wanted."""

    def __init__(self, seed: int, width: int, height: int) -> None:
        _check_size(width, height)
        _check_seed(seed)
        self._setup(('snapshot', seed), width, height, panorama=1)
        self._rate_hz = 1.0
        self._frames = 1


def random_frame(seed: int, width: int, height: int) -> SceneFrame:
    """One independent scene, for training: no other seed shows the same drive.

    Args:
        seed: Names the scene; any whole number from 0.
        width: Image width in pixels.
        height: Image height in pixels.

    Raises:
        ParameterError: A value is not allowed.
    """
    return _Snapshot(seed, width, height).frame(0)
