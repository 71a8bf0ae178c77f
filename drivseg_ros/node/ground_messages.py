# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The messages of the outputs in metres."""

from __future__ import annotations

import importlib
import math
from array import array
from collections.abc import Callable
from functools import cached_property
from itertools import chain
from types import ModuleType
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, Point32, PolygonStamped, PoseStamped
from sensor_msgs.msg import Image, LaserScan, PointCloud2, PointField

from drivseg_ros.base.topics import GROUND_TOPICS
from drivseg_ros.ground.corridor import Corridor
from drivseg_ros.ground.points import Points
from drivseg_ros.ground.space import Look
from drivseg_ros.ground.spec import GridSpec
from drivseg_ros.images.codec import fill_image
from drivseg_ros.model.segmentation import Segmentation

GROUND_NAMES = frozenset(chain(*GROUND_TOPICS.values()))
"""The topics of the outputs in metres, below `segmentation/`."""

_PATHS = ('corridor/left', 'corridor/right', 'corridor/centre')


def find_nav_msgs() -> ModuleType | None:
    """nav_msgs.msg if it is installed, else None."""
    try:
        return importlib.import_module('nav_msgs.msg')
    except ImportError:
        return None


def ground_types(output: str, nav_msgs: ModuleType | None) -> dict[str, type]:
    """The message types of an output's topics; without nav_msgs those that need it are missing.

    Args:
        output: one of GROUND_OUTPUTS.
        nav_msgs: the module nav_msgs.msg, or None.
    """
    types: dict[str, type] = {
        'scan': LaserScan,
        'points': PointCloud2,
        'points/mask': Image,
        'points/confidence': Image,
        'corridor/polygon': PolygonStamped,
        'corridor/pose': PoseStamped,
    }
    if nav_msgs is not None:
        types |= {'grid': nav_msgs.OccupancyGrid, **dict.fromkeys(_PATHS, nav_msgs.Path)}
    return {name: types[name] for name in GROUND_TOPICS[output] if name in types}


class GroundMessages:
    """The messages of one frame; what several need is computed once.

    Args:
        header: the stamp of the image, in the ground frame.
        look: what the mask says of the ground.
        segmentation: the mask.
        spec: the grid.
        nav_msgs: the module nav_msgs.msg, or None.
    """

    def __init__(
        self,
        header: Any,
        look: Look,
        segmentation: Segmentation,
        spec: GridSpec,
        nav_msgs: ModuleType | None,
    ) -> None:
        self._header = header
        self._look = look
        self._segmentation = segmentation
        self._spec = spec
        self._nav_msgs = nav_msgs

    def make(self, name: str) -> Any:
        """The message of a topic, one of GROUND_NAMES; None if there is nothing to say."""
        makers: dict[str, Callable[[], Any]] = {
            'grid': self._grid,
            'scan': self._scan,
            'points': self._cloud,
            'points/mask': lambda: self._plane(self._points.class_ids),
            'points/confidence': lambda: self._plane(self._points.confidence),
            'corridor/left': lambda: self._path('left'),
            'corridor/right': lambda: self._path('right'),
            'corridor/centre': lambda: self._path('centre'),
            'corridor/polygon': self._polygon,
            'corridor/pose': self._pose,
        }
        return makers[name]()

    @cached_property
    def _points(self) -> Points:
        return self._look.points(self._segmentation.confidence)

    @cached_property
    def _corridor(self) -> Corridor | None:
        return self._look.corridor(self._segmentation.card.lane_ids)

    def _grid(self) -> Any:
        if self._nav_msgs is None:
            return None
        return make_grid(self._nav_msgs, self._header, self._spec, self._look.grid)

    def _scan(self) -> LaserScan:
        scan = self._look.scan
        steps = len(scan.obstacles_m) - 1
        return LaserScan(
            header=self._header,
            angle_min=scan.angle_min_rad,
            angle_max=scan.angle_min_rad + steps * scan.angle_step_rad,
            angle_increment=scan.angle_step_rad,
            range_min=0.0,
            range_max=scan.range_max_m,
            ranges=array('f', scan.obstacles_m.tobytes()),
        )

    def _cloud(self) -> PointCloud2:
        xyz = np.ascontiguousarray(self._points.xyz, '<f4')
        height, width = xyz.shape[:2]
        return PointCloud2(
            header=self._header,
            height=height,
            width=width,
            fields=[
                PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
                for i, name in enumerate('xyz')
            ],
            is_bigendian=False,
            point_step=12,
            row_step=12 * width,
            data=array('B', xyz.tobytes()),
            is_dense=False,
        )

    def _plane(self, plane: np.ndarray | None) -> Image | None:
        if plane is None:
            return None
        return fill_image(Image(), plane, encoding='mono8', header=self._header)

    def _path(self, side: str) -> Any:
        """Without a lane a path without poses: the one before does not hold any more."""
        if self._nav_msgs is None:
            return None
        lane = self._corridor
        path = self._nav_msgs.Path(header=self._header)
        if lane is not None:
            line = getattr(lane, side)
            headings = np.full(len(line), lane.heading_rad)
            if len(line) > 1:
                headings = np.arctan2(np.gradient(line[:, 1]), np.gradient(line[:, 0]))
            path.poses = [
                self._pose_at(x, y, heading)
                for (x, y), heading in zip(line.tolist(), headings.tolist(), strict=True)
            ]
        return path

    def _polygon(self) -> PolygonStamped:
        polygon = PolygonStamped(header=self._header)
        if self._corridor is not None:
            round_it = np.concatenate([self._corridor.left, self._corridor.right[::-1]])
            polygon.polygon.points = [Point32(x=x, y=y) for x, y in round_it.tolist()]
        return polygon

    def _pose(self) -> PoseStamped | None:
        """The middle of the lane beside the ground frame's origin; without a lane there is none."""
        lane = self._corridor
        if lane is None:
            return None
        offset, heading = lane.lateral_offset_m, lane.heading_rad
        return self._pose_at(offset * math.sin(heading), -offset * math.cos(heading), heading)

    def _pose_at(self, x: float, y: float, heading: float) -> PoseStamped:
        stamped = PoseStamped(header=self._header)
        stamped.pose.position = Point(x=x, y=y)
        stamped.pose.orientation.z = math.sin(heading / 2)
        stamped.pose.orientation.w = math.cos(heading / 2)
        return stamped


def make_grid(nav_msgs: ModuleType, header: Any, spec: GridSpec, cells: np.ndarray) -> Any:
    """A nav_msgs/OccupancyGrid.

    Args:
        nav_msgs: the module nav_msgs.msg.
        header: in the ground frame.
        spec: the grid.
        cells: int8 [ny, nx].
    """
    grid = nav_msgs.OccupancyGrid(header=header)
    grid.info.map_load_time = header.stamp
    grid.info.resolution = float(spec.resolution_m)
    grid.info.width, grid.info.height = spec.nx, spec.ny
    grid.info.origin.position.x = float(spec.x_min_m)
    grid.info.origin.position.y = float(spec.y_min_m)
    grid.info.origin.orientation.w = 1.0
    grid.data = array('b', cells.tobytes())
    return grid
