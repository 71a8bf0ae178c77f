# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Drivable space: what a mask says of the ground round a camera."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import cv2
import numpy as np

from drivseg_ros.errors import ImageError, ParameterError
from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.corridor import Corridor, CorridorTable
from drivseg_ros.ground.lookup import Lookup
from drivseg_ros.ground.points import Points, PointTable
from drivseg_ros.ground.rays import Rays
from drivseg_ros.ground.scan import Scan, ScanTable
from drivseg_ros.ground.spec import DRIVABLE, OCCUPIED, UNKNOWN, GridSpec
from drivseg_ros.model.card import UNLABELLED

_UNKNOWN_BYTE = UNKNOWN % 256
_REACHED = 1


class DrivableSpace:
    """The tables of one camera and one grid. Make another when either changes, not before.

    Args:
        camera: the camera above the ground, for the size of the masks.
        spec: the grid.

    Raises:
        ParameterError: if the camera sees nothing of the grid.
    """

    def __init__(self, camera: GroundCamera, spec: GridSpec) -> None:
        self.camera = camera
        self.spec = spec
        centers = spec.centers()
        pixels = camera.pixels(centers.reshape(-1, 2)).reshape(centers.shape)
        pixels[~spec.trusts(camera, centers)] = np.nan
        self.seen = ~np.isnan(pixels[..., 0])
        """Cells that the camera shows, well enough; bool [ny, nx]."""
        if not self.seen.any():
            raise ParameterError(
                f'the camera sees no cell of the grid from x = {spec.x_min_m:g} to '
                f'{spec.x_max_m:g} m and y = {spec.y_min_m:g} to {spec.y_max_m:g} m with an error '
                f'of at most {spec.max_error_m:g} m; give another grid, a larger error, or '
                "correct the camera's pose"
            )
        self._lookup = Lookup(pixels)
        self.rays = Rays(camera, spec, centers[self.seen])
        numbers, distances = self.rays.find(centers)
        self._ray_of = numbers
        self._near_edge = (distances - spec.resolution_m).astype(np.float32)
        self._seeds = self._first_seen_ahead()
        if not self._seeds:
            raise ParameterError(
                f'the grid from x = {spec.x_min_m:g} to {spec.x_max_m:g} m and y = '
                f'{spec.y_min_m:g} to {spec.y_max_m:g} m holds no ground straight ahead of the '
                'camera that it shows well enough; drivable ground has to be connected with that: '
                'give a grid that holds it'
            )

    def look(self, class_ids: np.ndarray, *, drivable_ids: Iterable[int]) -> Look:
        """What one mask says; each part is computed when it is asked for.

        Args:
            class_ids: uint8 [H, W] of the camera's size; 255 is unknown.
            drivable_ids: the classes that may be driven on.

        Raises:
            ImageError: if the mask has another size or dtype.
            ParameterError: if something is no class id.
        """
        self.check(class_ids)
        return Look(self, class_ids, drivable_ids)

    def check(self, plane: np.ndarray) -> None:
        """Refuses a mask or a confidence that is none of this camera.

        Raises:
            ImageError: if it has another size or dtype.
        """
        size = (self.camera.intrinsics.height, self.camera.intrinsics.width)
        if plane.dtype != np.uint8 or plane.shape != size:
            raise ImageError(
                f'a mask of {plane.dtype} with the shape {plane.shape} came to the ground '
                f'of a camera of {size[1]} x {size[0]} pixels; uint8 of that size is allowed',
                kind='array',
            )

    @cached_property
    def scan_table(self) -> ScanTable:
        """Made when the first scan is asked for."""
        return ScanTable(self.spec, self.seen)

    @cached_property
    def point_table(self) -> PointTable:
        """Made when the first points are asked for."""
        return PointTable(self.camera, self.spec, self.rays)

    @cached_property
    def corridor_table(self) -> CorridorTable:
        """Made when the first corridor is asked for."""
        return CorridorTable(self.camera, self.spec)

    def _first_seen_ahead(self) -> list[tuple[int, int]]:
        """Column and row of the nearest cells that are seen in the strip ahead of the camera."""
        spec, pose = self.spec, self.camera.pose
        ahead = np.array([np.cos(pose.heading), np.sin(pose.heading)])
        left = np.array([-ahead[1], ahead[0]])
        far = np.hypot(spec.x_max_m - spec.x_min_m, spec.y_max_m - spec.y_min_m)
        far += float(np.abs(self.camera.pose.position[:2]).sum()) + spec.ego_width_m
        steps = np.arange(0, far, spec.resolution_m / 2)
        half = spec.ego_width_m / 2
        found: dict[tuple[int, int], None] = {}
        for across in np.arange(-half, half + 1e-9, min(spec.resolution_m, half)):
            line = np.array(pose.position[:2]) + across * left + steps[:, None] * ahead
            cells = self.spec.cells(line)
            cells = cells[cells[:, 0] >= 0]
            shown = self.seen[cells[:, 1], cells[:, 0]]
            if shown.any():
                column, row = cells[np.argmax(shown)].tolist()
                found[column, row] = None
        return list(found)


class Look:
    """What one mask says of the ground (`DrivableSpace.look`)."""

    def __init__(
        self, space: DrivableSpace, class_ids: np.ndarray, drivable_ids: Iterable[int]
    ) -> None:
        self._space = space
        self._class_ids = class_ids
        self._states = np.full(256, OCCUPIED, np.uint8)
        self._states[_checked_ids(drivable_ids)] = DRIVABLE
        self._states[UNLABELLED] = _UNKNOWN_BYTE

    @property
    def free_to(self) -> np.ndarray:
        """Where the space's rays end, float32 [rays] in metres from below the camera."""
        return self._rays[0]

    @cached_property
    def _rays(self) -> tuple[np.ndarray, np.ndarray]:
        blocks = (self._states != DRIVABLE).astype(np.uint8)
        return self._space.rays.free_to(self._class_ids, blocks)

    @cached_property
    def grid(self) -> np.ndarray:
        """0 drivable, 100 not, -1 unknown; int8 [ny, nx] (see `GridSpec`).

        Unknown is what the camera does not show or not well enough, what lies behind the first
        ground on its ray that is not drivable, and drivable ground that is not connected with
        that ahead of the camera.
        """
        space = self._space
        cells = cv2.LUT(space._lookup.sample(self._class_ids), self._states)
        occupied = cells == OCCUPIED
        cells[space._near_edge > np.take(self.free_to, space._ray_of)] = _UNKNOWN_BYTE
        self._mark_what_is_narrow(cells, occupied)
        for column, row in space._seeds:
            if cells[row, column] == DRIVABLE:
                cv2.floodFill(cells, None, (column, row), _REACHED)
        # Rays that graze an edge pass its cells by: all that touches drivable ground is its edge.
        reached = (cells == _REACHED).view(np.uint8)
        edge = cv2.dilate(reached, _TOUCHING).view(bool)
        cells[edge & occupied] = OCCUPIED
        return cv2.LUT(cells, _CONNECTED).view(np.int8)

    def _mark_what_is_narrow(self, cells: np.ndarray, occupied: np.ndarray) -> None:
        """Near the camera rays lie closer than cells: what only they meet is in the way, too."""
        free_to, ended_by = self._rays
        met = (self._states[ended_by] == OCCUPIED) & np.isfinite(free_to)
        found = self._space.spec.cells(self._space.rays.ends(free_to, met))
        columns, rows = found[found[:, 0] >= 0].T
        known = cv2.dilate(occupied.view(np.uint8), _TOUCHING)
        missed = (known[rows, columns] == 0) & self._space.seen[rows, columns]
        cells[rows[missed], columns[missed]] = OCCUPIED

    @cached_property
    def scan(self) -> Scan:
        """How far the grid is drivable, by angle."""
        return self._space.scan_table.scan(self.grid)

    def points(self, confidence: np.ndarray | None = None) -> Points:
        """Every few pixels with their places on the ground.

        No ground is known above the horizon, outside the grid, where the error is too large, and
        behind the first ground on its ray that is not drivable.

        Args:
            confidence: uint8 [H, W], to be reduced as the mask is.

        Raises:
            ImageError: if the confidence has another size than the mask.
        """
        if confidence is not None:
            self._space.check(confidence)
        return self._space.point_table.points(self.free_to, self._class_ids, confidence)

    def corridor(self, lane_ids: Iterable[int]) -> Corridor | None:
        """The ego lane, or None where it is not seen.

        It begins round the x axis, where both bounds are seen first, and ends where one is not.

        Args:
            lane_ids: the classes of the ego lane (role direct); those that are drivable, for
                networks that do not separate lanes.

        Raises:
            ParameterError: if something is no class id.
        """
        is_lane = np.zeros(256, bool)
        is_lane[_checked_ids(lane_ids)] = True
        return self._space.corridor_table.corridor(self._class_ids, is_lane)


def _checked_ids(class_ids: Iterable[int]) -> list[int]:
    ids = list(class_ids)
    if any(not 0 <= one < UNLABELLED for one in ids):
        raise ParameterError(f'the classes {ids}; ids from 0 to {UNLABELLED - 1} are allowed')
    return ids


def merge_grids(grids: Sequence[np.ndarray]) -> np.ndarray:
    """One grid of several cameras: of what they know of a cell, the worst counts.

    Args:
        grids: int8 [ny, nx] each, of the same grid.

    Returns:
        int8 [ny, nx].

    Raises:
        ParameterError: if there is none, or they have different sizes.
    """
    if len({grid.shape for grid in grids}) != 1:
        raise ParameterError(
            f'grids of the shapes {[grid.shape for grid in grids]} cannot be merged; give some of '
            'the same grid'
        )
    return np.maximum.reduce(list(grids))


_TOUCHING = np.ones((3, 3), np.uint8)
_CONNECTED = np.full(256, _UNKNOWN_BYTE, np.uint8)
_CONNECTED[[_REACHED, OCCUPIED]] = DRIVABLE, OCCUPIED
