# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the road goes, and how one camera sees it.

The reference line is the left edge of our carriageway. A ground point has the road coordinates
``along`` (metres on the reference line) and ``across`` (metres to its right). Every number here
comes from + - * / and sqrt in float64, one rounding each, so that labels are the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivseg_ros.scenes.camera import Camera
from drivseg_ros.scenes.randomness import Stream

KNOTS = 1024
NEAR = 0.4
FAR = 700.0


def _node_distances() -> np.ndarray:
    nodes = [NEAR]
    while nodes[-1] < FAR:
        nodes.append(nodes[-1] * 1.018 + 0.02)
    return np.array(nodes, np.float64)


_NODES = _node_distances()
_STEPS = np.concatenate([_NODES[:1], _NODES[1:] - _NODES[:-1]])


class Alignment:
    """Curvature and grade along the road: straight lines between knots, endless by wrapping.

    Args:
        stream: Where the knots come from.
        curvature: Largest curvature in 1/m.
        grade: Largest grade (0.05 is 5 %).
        spacing: Distance of the knots in metres.
    """

    def __init__(self, stream: Stream, *, curvature: float, grade: float, spacing: float) -> None:
        self.spacing = spacing
        unit = stream.numbers(KNOTS) * 2.0 - 1.0
        # Cubing favours nearly straight stretches over bends.
        self._curvature = curvature * (0.6 * unit + 0.6 * unit * unit * unit)
        self._grade = grade * (stream.numbers(KNOTS) * 2.0 - 1.0)
        middle = (self._curvature + np.roll(self._curvature, -1)) * 0.5
        self._heading = np.cumsum(np.concatenate([[0.0], middle * spacing]))

    def _at(self, knots: np.ndarray, along: np.ndarray, spacing: float) -> np.ndarray:
        place = along / spacing
        low = np.floor(place)
        t = place - low
        i = low.astype(np.int64) % KNOTS
        return knots[i] * (1.0 - t) + knots[(i + 1) % KNOTS] * t

    def curvature(self, along: np.ndarray) -> np.ndarray:
        """Curvature in 1/m, positive to the right."""
        return self._at(self._curvature, along, self.spacing)

    def grade(self, along: np.ndarray) -> np.ndarray:
        """Rise in metres a metre."""
        return self._at(self._grade, along, self.spacing * 3.0)

    def heading(self, along: float) -> float:
        """Direction of the road in radians against that at 0 (for the sky only)."""
        place = along / self.spacing
        whole = int(place // 1.0)
        t = place - whole
        turns, i = divmod(whole, KNOTS)
        a, b = float(self._curvature[i]), float(self._curvature[(i + 1) % KNOTS])
        inside = self.spacing * t * (a + 0.5 * (b - a) * t)
        return turns * float(self._heading[KNOTS]) + float(self._heading[i]) + inside


@dataclass(frozen=True)
class Place:
    """A spot on the road in the camera's world axes (metres), with the road's direction.

    ``hidden_below`` is the image row below which a crest hides what stands here.
    """

    x: float
    y: float
    z: float
    ahead_x: float
    ahead_z: float
    hidden_below: float


class RoadView:
    """The road as one camera sees it.

    Args:
        alignment: The road.
        camera: The camera, pitch included.
        along: Where the camera is on the road.
        across: Metres right of the reference line.
        slope: Sideways slope of the road against the optical axis at the camera (dx/dz).
    """

    def __init__(
        self, alignment: Alignment, camera: Camera, *, along: float, across: float, slope: float
    ) -> None:
        self.camera = camera
        self.along = along
        z = _NODES
        curvature = alignment.curvature(along + z)
        m = slope + np.cumsum(curvature * _STEPS)
        half = m - 0.5 * curvature * _STEPS
        self.node_m = m
        self.node_x = np.cumsum(half * _STEPS) - across
        self.node_q = np.sqrt(1.0 + m * m)
        self.node_arc = np.cumsum(np.sqrt(1.0 + half * half) * _STEPS)
        first = float(alignment.grade(np.array([along]))[0])
        self.node_y = np.cumsum((alignment.grade(along + z) - first) * _STEPS)
        down = camera.above_ground - self.node_y
        self.node_depth = z * camera.pitch_cos + down * camera.pitch_sin
        up = down * camera.pitch_cos - z * camera.pitch_sin
        # What lies behind the camera plane would project upside down; the near nodes are never
        # seen, so they only need a row below the picture.
        safe = np.maximum(self.node_depth, 0.05)
        self.node_row = np.where(
            self.node_depth > 0.05, camera.cy + camera.focal * up / safe, 4.0 * camera.height
        )
        self.node_seen = np.minimum.accumulate(self.node_row)
        self._rows()

    def _rows(self) -> None:
        camera = self.camera
        rows = np.arange(camera.height, dtype=np.float64)
        self.first_row = int(np.count_nonzero(rows < self.node_seen[-1]))
        self.rows = rows[self.first_row :]
        right = np.searchsorted(-self.node_seen, -self.rows, side='left')
        right = np.clip(right, 1, len(_NODES) - 1)
        left = right - 1
        gap = self.node_seen[left] - self.node_seen[right]
        t = np.where(
            gap > 0.0, (self.node_seen[left] - self.rows) / np.where(gap > 0.0, gap, 1.0), 1.0
        )
        t = np.clip(t, 0.0, 1.0)

        def at(nodes: np.ndarray) -> np.ndarray:
            return nodes[left] * (1.0 - t) + nodes[right] * t

        self.z = at(_NODES)
        self.depth = at(self.node_depth)
        self.x = at(self.node_x)
        self.m = at(self.node_m)
        self.q = np.sqrt(1.0 + self.m * self.m)
        self.arc = self.along + at(self.node_arc)
        # Footprint of a row along the road; the topmost ground row takes its neighbour's.
        step = np.abs(self.arc[:-1] - self.arc[1:])
        self.row_length = np.concatenate([step[:1], step]) if len(step) else np.ones_like(self.z)

    def columns(self, across: float) -> np.ndarray:
        """The image column of a line along the road, float64 by ground row."""
        return self.camera.cx + self.camera.focal * (self.x + across * self.q) / self.depth

    def place(self, along: float, across: float) -> Place | None:
        """Where a road coordinate lies, or None where it is behind or too far away."""
        arc = along - self.along
        if arc <= -30.0 or arc >= float(self.node_arc[-1]):
            return None
        if arc <= float(self.node_arc[0]):
            x = float(self.node_x[0]) + float(self.node_m[0]) * (arc - float(self.node_arc[0]))
            y, z, m = float(self.node_y[0]), arc, float(self.node_m[0])
            hidden = 4.0 * self.camera.height
        else:
            right = int(np.searchsorted(self.node_arc, arc, side='right'))
            left = right - 1
            a, b = float(self.node_arc[left]), float(self.node_arc[right])
            t = (arc - a) / (b - a)

            def at(nodes: np.ndarray) -> float:
                return float(nodes[left]) * (1.0 - t) + float(nodes[right]) * t

            x, y, z, m = at(self.node_x), at(self.node_y), at(_NODES), at(self.node_m)
            seen = at(self.node_seen)
            hidden = seen if at(self.node_row) - seen > 0.3 else 4.0 * self.camera.height
        q = float(np.sqrt(1.0 + m * m))
        return Place(x + across / q, y, z - across * m / q, m / q, 1.0 / q, hidden)

    @property
    def node_z(self) -> np.ndarray:
        """Distances of the nodes ahead of the camera in metres."""
        return _NODES
