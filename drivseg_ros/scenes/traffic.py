# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other traffic: it follows, changes lanes, cuts in and comes towards us."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from drivseg_ros.scenes.layout import KINDS, Layout
from drivseg_ros.scenes.randomness import Stream

STEP = 0.05
BEHIND = -25.0
AHEAD = 230.0
_CHANGE_TIME = 3.2


@dataclass(frozen=True)
class Shape:
    """What a vehicle looks like; metres and RGB."""

    kind: str
    length: float
    width: float
    height: float
    color: tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """One vehicle at one moment: along and across the road, and how it is turned."""

    shape: Shape
    along: float
    across: float
    yaw: float
    oncoming: bool
    braking: bool
    parked: bool = False


@dataclass
class _Vehicle:
    shape: Shape
    lane: int
    along: float
    speed: float
    wish: float
    oncoming: bool
    offset: float
    change_at: float
    from_lane: int = 0
    changing: float = 1.0
    braking: bool = False
    history: list[tuple[float, float, float, bool]] = field(default_factory=list)


_COLORS = (
    (225.0, 226.0, 228.0), (200.0, 203.0, 206.0), (120.0, 124.0, 128.0), (62.0, 65.0, 70.0),
    (28.0, 29.0, 32.0), (16.0, 16.0, 18.0), (38.0, 56.0, 110.0), (130.0, 24.0, 28.0),
    (92.0, 20.0, 22.0), (190.0, 176.0, 140.0), (236.0, 186.0, 40.0), (40.0, 80.0, 60.0),
)  # fmt: skip


def draw_shape(stream: Stream, *, big: float = 0.16) -> Shape:
    """A random car, van, lorry or bus; ``big`` is the share of the latter three."""
    kind = stream.weighted(
        [('car', 0.6 * (1 - big)), ('suv', 0.4 * (1 - big)), ('van', 0.5 * big),
         ('lorry', 0.32 * big), ('bus', 0.18 * big)]
    )  # fmt: skip
    length, width, height = {
        'car': (4.4, 1.8, 1.45), 'suv': (4.7, 1.9, 1.75), 'van': (5.4, 2.0, 2.3),
        'lorry': (9.0, 2.5, 3.5), 'bus': (11.8, 2.5, 3.1),
    }[kind]  # fmt: skip
    k = stream.uniform(0.94, 1.06)
    return Shape(kind, length * k, width * stream.uniform(0.97, 1.03), height * k,
                 stream.pick(_COLORS[:2] if kind == 'lorry' else _COLORS))  # fmt: skip


class Traffic:
    """Simulates the ego vehicle and all others in steps of 50 ms, only as far as asked.

    Following is the intelligent driver model (Treiber, Hennecke and Helbing 2000).
    """

    def __init__(self, layout: Layout, stream: Stream) -> None:
        rule = KINDS[layout.kind]
        self._layout = layout
        self._stream = stream
        speed = stream.uniform(*rule.speed)
        if stream.chance(0.12):
            speed *= 0.3
        self.density = stream.weighted(
            [(0.0, 0.08), (stream.uniform(0.15, 0.5), 0.42), (stream.uniform(0.5, 1.0), 0.5)]
        )
        start = stream.uniform(500.0, 3000.0)
        ego_shape = Shape('car', 4.5, 1.9, 1.5, (0.0, 0.0, 0.0))
        ego = _Vehicle(ego_shape, layout.ego_lane, start, speed, speed, False, 0.0, math.inf)
        self._vehicles = [ego]
        self.cruise = speed
        for lane in range(layout.lanes):
            first = 8.0 + 0.5 * speed if lane == layout.ego_lane else -18.0
            at = start + first + stream.uniform(0.0, 30.0)
            while at < start + AHEAD:
                if stream.chance(0.25 + 0.75 * self.density) and self.density > 0.0:
                    self._vehicles.append(self._new(lane, at, oncoming=False))
                at += (
                    9.0
                    + speed * stream.uniform(0.6, 1.6)
                    + stream.uniform(0.0, 60.0) * (1.2 - self.density)
                )
        for lane in range(len(layout.oncoming)):
            at = start + stream.uniform(0.0, 60.0)
            while at < start + AHEAD:
                if self.density > 0.0 and stream.chance(0.3 + 0.6 * self.density):
                    self._vehicles.append(self._new(lane, at, oncoming=True))
                at += 10.0 + speed * stream.uniform(0.6, 3.0)
        self._time = 0.0
        self._record()

    def _new(self, lane: int, along: float, *, oncoming: bool) -> _Vehicle:
        stream = self._stream
        wish = self.cruise * stream.uniform(0.7, 1.25) + stream.uniform(0.0, 1.5)
        change = stream.uniform(0.0, 16.0) if stream.chance(0.45) else math.inf
        vehicle = _Vehicle(draw_shape(stream), lane, along, wish, wish, oncoming,
                           stream.uniform(-0.3, 0.3), change, lane)  # fmt: skip
        if not oncoming and self._layout.lanes > 1 and stream.chance(0.1):
            vehicle.from_lane = lane + 1 if lane == 0 else lane - 1
            vehicle.changing = stream.unit()
        return vehicle

    def _across(self, vehicle: _Vehicle) -> tuple[float, float]:
        """Sideways place, and sideways speed in m/s."""
        if vehicle.oncoming:
            return self._layout.oncoming[vehicle.lane] + vehicle.offset, 0.0
        to = self._layout.lane_center(vehicle.lane) + vehicle.offset
        if vehicle.changing >= 1.0:
            return to, 0.0
        t = vehicle.changing
        start = self._layout.lane_center(vehicle.from_lane) + vehicle.offset
        return (
            start + (to - start) * t * t * (3.0 - 2.0 * t),
            (to - start) * 6.0 * t * (1.0 - t) / _CHANGE_TIME,
        )

    def _record(self) -> None:
        for i, vehicle in enumerate(self._vehicles):
            across, drift = self._across(vehicle) if i else (0.0, 0.0)
            yaw = drift / max(vehicle.speed, 3.0)
            vehicle.history.append((vehicle.along, across, yaw, vehicle.braking))

    def _advance(self) -> None:
        ego = self._vehicles[0]
        self._time += STEP
        for vehicle in self._vehicles:
            gap, closing = self._leader(vehicle, vehicle.lane)
            if vehicle.changing < 1.0:
                vehicle.changing += STEP / _CHANGE_TIME
                other, other_closing = self._leader(vehicle, vehicle.from_lane)
                if other < gap and vehicle.changing < 0.6:
                    gap, closing = other, other_closing
            elif self._time >= vehicle.change_at:
                self._start_change(vehicle)
            v = vehicle.speed
            wanted = 2.5 + max(0.0, v * 1.1 + v * closing / 3.5)
            ratio, pressure = v / max(vehicle.wish, 0.5), wanted / max(gap, 0.5)
            push = 1.6 * (1.0 - ratio * ratio * ratio * ratio - pressure * pressure)
            push = max(push, -8.0)
            vehicle.braking = push < -0.7 or v < 0.4
            vehicle.speed = max(0.0, v + push * STEP)
        for vehicle in self._vehicles:
            way = -1.0 if vehicle.oncoming else 1.0
            vehicle.along += way * vehicle.speed * STEP
            if vehicle is ego:
                continue
            ahead = vehicle.along - ego.along
            if ahead < BEHIND or ahead > AHEAD + 40.0:
                self._return(vehicle, ego.along, ahead < BEHIND)
        self._record()

    def _return(self, vehicle: _Vehicle, ego: float, fell_behind: bool) -> None:
        """Bring a vehicle that left the picture back at the other end, where there is room."""
        if not vehicle.oncoming and not fell_behind:
            place = ego + BEHIND + 1.0
            if vehicle.lane == self._layout.ego_lane:
                return
        else:
            place = ego + AHEAD + self._stream.uniform(0.0, 35.0)
        for other in self._vehicles:
            same = other.oncoming == vehicle.oncoming and other.lane == vehicle.lane
            if other is not vehicle and same and abs(other.along - place) < 16.0:
                return
        vehicle.along = place
        vehicle.changing = 1.0
        vehicle.speed = vehicle.wish

    def _leader(self, vehicle: _Vehicle, lane: int) -> tuple[float, float]:
        best, closing = 1000.0, 0.0
        way = -1.0 if vehicle.oncoming else 1.0
        for other in self._vehicles:
            if other is vehicle or other.oncoming != vehicle.oncoming:
                continue
            if other.lane != lane and not (other.changing < 0.6 and other.from_lane == lane):
                continue
            gap = (other.along - vehicle.along) * way
            if gap > 0.0:
                gap -= 0.5 * (other.shape.length + vehicle.shape.length)
                if gap < best:
                    best, closing = gap, vehicle.speed - other.speed
        return best, closing

    def _start_change(self, vehicle: _Vehicle) -> None:
        vehicle.change_at = self._time + 1.0
        if vehicle.oncoming or self._layout.lanes < 2:
            vehicle.change_at = math.inf
            return
        options = [i for i in (vehicle.lane - 1, vehicle.lane + 1) if 0 <= i < self._layout.lanes]
        # Cutting in before the camera is what is worth seeing.
        options.sort(key=lambda lane: lane != self._layout.ego_lane)
        for lane in options:
            room = 3.0 + 0.35 * vehicle.speed
            clear = all(
                abs(other.along - vehicle.along)
                > room + 0.5 * (other.shape.length + vehicle.shape.length)
                for other in self._vehicles
                if other is not vehicle
                and not other.oncoming
                and lane in (other.lane, other.from_lane if other.changing < 1.0 else other.lane)
            )
            if clear:
                vehicle.from_lane, vehicle.lane, vehicle.changing = vehicle.lane, lane, 0.0
                vehicle.change_at = self._time + self._stream.uniform(5.0, 20.0)
                return

    def at(self, time: float) -> tuple[float, float, list[Pose]]:
        """Ego's place along the road and speed (m/s), and the other vehicles, at a time in s."""
        place = time / STEP
        low = int(place)
        t = place - low
        while len(self._vehicles[0].history) < low + 2:
            self._advance()
        poses = []
        for vehicle in self._vehicles[1:]:
            a, b = vehicle.history[low], vehicle.history[low + 1]
            if abs(b[0] - a[0]) > 20.0:
                a = b
            poses.append(
                Pose(vehicle.shape, a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t,
                     a[2] + (b[2] - a[2]) * t, vehicle.oncoming, a[3])
            )  # fmt: skip
        ego = self._vehicles[0].history
        a0, b0 = ego[low][0], ego[low + 1][0]
        return a0 + (b0 - a0) * t, (b0 - a0) / STEP, poses
