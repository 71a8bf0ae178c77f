# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draws a vehicle as two shaded solids with wheels, windows, lights and a shadow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from drivseg_ros.scenes.camera import Camera
from drivseg_ros.scenes.light import Spot
from drivseg_ros.scenes.look import Color, Look
from drivseg_ros.scenes.polygon import Point, convex_hull, cover_convex, fill
from drivseg_ros.scenes.road import Place
from drivseg_ros.scenes.sprites import add_glow
from drivseg_ros.scenes.traffic import Pose

Point3 = tuple[float, float, float]
_NEAREST = 0.45
_DETAIL = 14.0
_OCTAGON = tuple(
    (c * s, d * t)
    for c, d, s, t in (
        (1.0, 0.4142, 1, 1), (0.4142, 1.0, 1, 1), (0.4142, 1.0, -1, 1), (1.0, 0.4142, -1, 1),
        (1.0, 0.4142, -1, -1), (0.4142, 1.0, -1, -1), (0.4142, 1.0, 1, -1), (1.0, 0.4142, 1, -1),
    )
)  # fmt: skip


@dataclass(frozen=True)
class _Profile:
    """Fractions of length and height: the body's top, and the cabin's foot and roof."""

    deck: float
    foot_rear: float
    foot_front: float
    roof_rear: float
    roof_front: float
    inset: float


_PROFILES = {
    'car': _Profile(0.6, -0.42, 0.27, -0.27, 0.08, 0.12),
    'suv': _Profile(0.58, -0.49, 0.3, -0.43, 0.12, 0.09),
    'van': _Profile(0.52, -0.5, 0.38, -0.49, 0.22, 0.05),
    'lorry': _Profile(0.97, -0.5, 0.5, -0.5, 0.5, 0.01),
    'bus': _Profile(0.42, -0.5, 0.5, -0.5, 0.49, 0.02),
}


class VehicleFrame:
    """Turns a vehicle's own metres (right, up, ahead) into pixels."""

    def __init__(self, camera: Camera, place: Place, pose: Pose) -> None:
        self.camera = camera
        self.place = place
        way = -1.0 if pose.oncoming else 1.0
        dx = place.ahead_x + pose.yaw * place.ahead_z
        dz = place.ahead_z - pose.yaw * place.ahead_x
        norm = way / math.sqrt(dx * dx + dz * dz)
        self.dx, self.dz = dx * norm, dz * norm

    def world(self, point: Point3) -> Point3:
        """World axes of a point of the vehicle."""
        right, up, ahead = point
        return (
            self.place.x + right * self.dz + ahead * self.dx,
            self.place.y + up,
            self.place.z - right * self.dx + ahead * self.dz,
        )

    def outline(self, corners: list[Point3]) -> list[Point]:
        """The image of a polygon, cut off just before the camera."""
        world = [self.world(c) for c in corners]
        depths = [self.camera.depth(p[1], p[2]) for p in world]
        kept: list[Point3] = []
        for i, (p, d) in enumerate(zip(world, depths, strict=True)):
            before, e = world[i - 1], depths[i - 1]
            if (d >= _NEAREST) != (e >= _NEAREST):
                t = (_NEAREST - e) / (d - e)
                kept.append(
                    (
                        before[0] + (p[0] - before[0]) * t,
                        before[1] + (p[1] - before[1]) * t,
                        before[2] + (p[2] - before[2]) * t,
                    )
                )
            if d >= _NEAREST:
                kept.append(p)
        return [self.camera.project(*p) for p in kept]


Solid = list[Point3]


def _solid(
    width: float, low: float, high: float, foot: tuple[float, float],
    roof: tuple[float, float], inset: float,
) -> Solid:  # fmt: skip
    a, b = 0.5 * width, 0.5 * width - inset
    return [
        (-a, low, foot[0]), (a, low, foot[0]), (a, low, foot[1]), (-a, low, foot[1]),
        (-b, high, roof[0]), (b, high, roof[0]), (b, high, roof[1]), (-b, high, roof[1]),
    ]  # fmt: skip


# Corners of each face seen from outside, starting low left: rear, front, right, left, top.
_FACES = {
    'rear': (0, 1, 5, 4),
    'front': (2, 3, 7, 6),
    'right': (1, 2, 6, 5),
    'left': (3, 0, 4, 7),
    'top': (4, 5, 6, 7),
}


def solids(pose: Pose) -> tuple[Solid, Solid]:
    """Body (down to the ground: what lies below a vehicle is not free) and cabin."""
    shape, profile = pose.shape, _PROFILES[pose.shape.kind]
    deck, length = shape.height * profile.deck, shape.length
    body = _solid(shape.width, 0.0, deck, (-0.5 * length, 0.5 * length),
                  (-0.5 * length, 0.48 * length), 0.03)  # fmt: skip
    cabin = _solid(
        shape.width - 0.06, deck, shape.height,
        (profile.foot_rear * length, profile.foot_front * length),
        (profile.roof_rear * length, profile.roof_front * length), profile.inset * shape.width,
    )  # fmt: skip
    return body, cabin


def hull(frame: VehicleFrame, solid: Solid) -> list[Point]:
    """The silhouette of a solid."""
    points: list[Point] = []
    for face in (*_FACES.values(), (0, 1, 2, 3)):
        points += frame.outline([solid[i] for i in face])
    return convex_hull(points)


def draw_shadow(image: np.ndarray, frame: VehicleFrame, pose: Pose, look: Look) -> None:
    """Darken the ground below and beside a vehicle."""
    shape = pose.shape
    strength = 0.45 if look.sun <= 0.0 else look.sun
    a, b = 0.5 * shape.width + 0.1, 0.5 * shape.length + 0.15
    reach = 0.7 * shape.height * look.sun_side if look.sun > 0.0 else 0.0
    reach = -reach if pose.oncoming else reach
    ground = [(-a, 0.0, -b), (a, 0.0, -b), (a, 0.0, b), (-a, 0.0, b)]
    moved = [(x + reach, y, z) for x, y, z in ground]
    outline = convex_hull(frame.outline(ground) + frame.outline(moved))
    if len(outline) < 3:
        return
    height, width = image.shape[:2]
    x0 = int(min(max(min(p[0] for p in outline) - 1.0, 0.0), width))
    x1 = int(min(max(max(p[0] for p in outline) + 2.0, 0.0), width))
    y0 = int(min(max(min(p[1] for p in outline) - 1.0, 0.0), height))
    y1 = int(min(max(max(p[1] for p in outline) + 2.0, 0.0), height))
    if x1 <= x0 or y1 <= y0:
        return
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    fill(mask, [(x - x0, y - y0) for x, y in outline], (255.0 * strength,))
    patch = image[y0:y1, x0:x1]
    patch[:] = (patch * (255 - mask).astype(np.uint16)[:, :, None] >> 8).astype(np.uint8)


class VehiclePainter:
    """Draws one vehicle at one moment."""

    def __init__(
        self, image: np.ndarray, camera: Camera, place: Place, pose: Pose, look: Look
    ) -> None:
        self._image = image
        self._pose = pose
        self._look = look
        self._frame = VehicleFrame(camera, place, pose)
        self._spot = Spot(look, x=place.x, z=place.z, along=pose.along)
        # Windows, plates and wheels of a vehicle this small are not seen.
        depth = camera.depth(place.y, place.z)
        self._detailed = pose.shape.width * camera.focal > _DETAIL * depth

    def _face(self, solid: Solid, name: str, color: Color) -> bool:
        """Fill a face if it is turned to the camera."""
        outline = self._frame.outline([solid[i] for i in _FACES[name]])
        if len(outline) < 3:
            return False
        area = 0.0
        for (ax, ay), (bx, by) in zip(outline, [*outline[1:], outline[0]], strict=True):
            area += ax * by - bx * ay
        if area >= 0.0:
            return False
        fill(self._image, outline, color)
        return True

    def _panel(
        self, solid: Solid, name: str, box: tuple[float, float, float, float], color: Color
    ) -> None:
        """Fill part of a face: left, right, low and high as fractions of it."""
        c0, c1, c2, c3 = (solid[i] for i in _FACES[name])

        def at(u: float, v: float) -> Point3:
            low = [p + (q - p) * u for p, q in zip(c0, c1, strict=True)]
            high = [p + (q - p) * u for p, q in zip(c3, c2, strict=True)]
            x, y, z = (p + (q - p) * v for p, q in zip(low, high, strict=True))
            return (x, y, z)

        u0, u1, v0, v1 = box
        outline = self._frame.outline([at(u0, v0), at(u1, v0), at(u1, v1), at(u0, v1)])
        if len(outline) >= 3:
            fill(self._image, outline, color)

    def paint(self, class_ids: np.ndarray) -> None:
        """Paint it with its shadow, and turn the ground it hides to background."""
        pose, look = self._pose, self._look
        shape = pose.shape
        frame = self._frame
        draw_shadow(self._image, frame, pose, look)
        body, cabin = solids(pose)
        outlines = [hull(frame, solid) for solid in (body, cabin)]
        dark = self._spot.color((14.0, 14.0, 16.0), 0.8)
        if len(outlines[0]) >= 3:
            base = _solid(shape.width * 0.98, 0.0, 0.4, (-0.48 * shape.length, 0.46 * shape.length),
                          (-0.48 * shape.length, 0.46 * shape.length), 0.0)  # fmt: skip
            fill(self._image, hull(frame, base), dark)
        raised = [(x, max(y, 0.24 if shape.height < 2.5 else 0.45), z) for x, y, z in body]
        sides = 1.0 if look.sun_side < 0.0 else -1.0
        shade = {'rear': 0.82, 'front': 0.82, 'right': 0.8 + 0.2 * sides, 'left': 0.8 - 0.2 * sides,
                 'top': 1.1}  # fmt: skip
        glass = self._spot.color((38.0, 44.0, 50.0), 1.0)
        for name in ('top', 'left', 'right', 'front', 'rear'):
            if (
                self._face(raised, name, self._spot.color(shape.color, shade[name]))
                and self._detailed
            ):
                self._details(raised, name, glass, dark)
        for name in ('top', 'left', 'right', 'front', 'rear'):
            if self._face(cabin, name, self._spot.color(shape.color, shade[name])):
                self._windows(cabin, name, glass)
        for outline in outlines:
            cover_convex(class_ids, outline, 2, last_row=frame.place.hidden_below)
        self._lights(raised)

    def _details(self, body: Solid, name: str, glass: Color, dark: Color) -> None:
        shape = self._pose.shape
        if name in ('left', 'right'):
            self._wheels(1.0 if name == 'right' else -1.0, dark)
            self._panel(
                body, name, (0.0, 1.0, 0.0, 0.12), self._spot.color((45.0, 45.0, 48.0), 0.7)
            )
        elif name == 'rear':
            low = shape.height < 2.5
            bumper = (0.0, 1.0, 0.0, 0.3 if low else 0.06)
            plate = (0.36, 0.64, 0.3, 0.5) if low else (0.43, 0.57, 0.03, 0.06)
            self._panel(body, name, bumper, self._spot.color(shape.color, 0.55))
            self._panel(body, name, plate, self._spot.color((205.0, 200.0, 170.0)))
            if shape.kind == 'lorry':
                self._panel(body, name, (0.49, 0.51, 0.1, 0.95), dark)
        elif name == 'front':
            self._panel(body, name, (0.2, 0.8, 0.15, 0.5), dark)
            if shape.kind == 'lorry':
                self._panel(body, name, (0.05, 0.95, 0.5, 0.85), glass)

    def _wheels(self, side: float, dark: Color) -> None:
        shape = self._pose.shape
        radius = 0.33 if shape.height < 2.5 else 0.5
        at = 0.5 * shape.width * side
        rim_color = self._spot.color((120.0, 120.0, 124.0))
        for ahead in (-0.3 * shape.length, 0.3 * shape.length):
            for r, color in (
                (radius, dark),
                (0.55 * radius, rim_color),
            ):
                rim = [(at, radius + 0.924 * r * v, ahead + 0.924 * r * u) for u, v in _OCTAGON]
                outline = self._frame.outline(rim)
                if len(outline) >= 3:
                    fill(self._image, outline, color)

    def _windows(self, cabin: Solid, name: str, glass: Color) -> None:
        kind = self._pose.shape.kind
        if kind == 'lorry' or name == 'top':
            return
        if name in ('rear', 'front'):
            self._panel(cabin, name, (0.07, 0.93, 0.1, 0.9), glass)
        elif kind == 'bus':
            for i in range(6):
                self._panel(cabin, name, (0.02 + i / 6, (i + 1) / 6 - 0.01, 0.1, 0.85), glass)
        else:
            self._panel(cabin, name, (0.12, 0.48, 0.1, 0.9), glass)
            self._panel(cabin, name, (0.52, 0.9, 0.1, 0.9), glass)

    def _lights(self, body: Solid) -> None:
        pose, look = self._pose, self._look
        place = self._frame.place
        name = 'front' if pose.oncoming else 'rear'
        on = (look.dark or look.weather in ('rain', 'fog')) and not pose.parked
        if name == 'rear':
            color = (255.0, 60.0, 40.0) if pose.braking else (205.0, 24.0, 20.0)
            if not (on or pose.braking):
                color = self._spot.color((150.0, 20.0, 20.0))
        else:
            color = (255.0, 252.0, 235.0) if on else self._spot.color((215.0, 215.0, 210.0))
        low, high = (0.5, 0.78) if pose.shape.height < 2.5 else (0.06, 0.14)
        if pose.shape.kind == 'bus':
            low, high = 0.2, 0.45
        outline = self._frame.outline([body[i] for i in _FACES[name]])
        depth = self._frame.camera.depth(place.y, place.z)
        if len(outline) < 4 or depth < 1.0 or (place.z < 2.0):
            return
        for left, right in ((0.02, 0.17), (0.83, 0.98)):
            self._panel(body, name, (left, right, low, high), color)
            if look.dark and not pose.parked:
                u, v = 0.5 * (left + right), 0.5 * (low + high)
                c0, c1, _, c3 = outline
                x = c0[0] + (c1[0] - c0[0]) * u + (c3[0] - c0[0]) * v
                y = c0[1] + (c1[1] - c0[1]) * u + (c3[1] - c0[1]) * v
                size = self._frame.camera.focal / depth * (0.7 if pose.oncoming else 0.4) + 1.5
                add_glow(self._image, (x, y), size, color, 0.9)
                if look.wet > 0.0:
                    foot = outline[0][1]
                    add_glow(self._image, (x, foot + (foot - y)), size, color,
                             0.6 * look.wet, tall=3.5)  # fmt: skip
