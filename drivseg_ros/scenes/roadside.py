# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Things in rows along the road: trees, people, signs, lamps, parked cars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from drivseg_ros.scenes.camera import Camera
from drivseg_ros.scenes.layout import Layout, Row
from drivseg_ros.scenes.light import (
    HEADLIGHT_TINT,
    LAMP_TINT,
    Spot,
    haze,
    headlight,
    street_lamps,
)
from drivseg_ros.scenes.look import Look
from drivseg_ros.scenes.polygon import cover_convex, fill
from drivseg_ros.scenes.randomness import Stream
from drivseg_ros.scenes.road import Place, RoadView
from drivseg_ros.scenes.sprites import add_glow, paint_sprite, sprite
from drivseg_ros.scenes.traffic import Pose, Shape, draw_shape

_TABLE = 128
_REACH = {'tree': 170.0, 'bush': 90.0, 'person': 70.0, 'sign': 110.0, 'lamp': 140.0, 'pole': 120.0,
          'parked': 100.0}  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """One thing beside the road."""

    kind: str
    along: float
    across: float
    variant: int
    size: float
    flip: bool
    shape: Shape | None = None

    @property
    def pose(self) -> Pose:
        """A parked car as a vehicle."""
        shape = self.shape or Shape('car', 4.4, 1.8, 1.45, (128.0, 128.0, 128.0))
        return Pose(shape, self.along, self.across, 0.0, self.flip, False, parked=True)


class Roadside:
    """Where everything in the rows of a layout stands, endless by repeating tables."""

    def __init__(self, layout: Layout, stream: Stream) -> None:
        self._rows: list[tuple[Row, list[Thing | None]]] = []
        for row in layout.rows:
            things: list[Thing | None] = []
            variants = [stream.integer(0, 11) for _ in range(3)]
            against = row.at < 0.0 and bool(layout.oncoming) and not layout.left_hand
            against |= row.at > 0.0 and bool(layout.oncoming) and layout.left_hand
            for _ in range(_TABLE):
                if not stream.chance(row.share):
                    things.append(None)
                    continue
                parked = row.kind == 'parked'
                jitter = 0.12 if parked else 0.8
                things.append(
                    Thing(
                        row.kind,
                        stream.uniform(-0.5, 0.5) * (0.0 if parked else 0.7) * row.spacing,
                        stream.uniform(-jitter, jitter),
                        stream.pick(variants) if row.kind == 'tree' else stream.integer(0, 11),
                        stream.uniform(0.75, 1.25),
                        against if parked else stream.chance(0.5),
                        draw_shape(stream, big=0.06) if parked else None,
                    )
                )
            self._rows.append((row, things))

    def near(self, along: float) -> Iterator[Thing]:
        """What stands between 6 m behind a place and as far as it can be made out."""
        for row, things in self._rows:
            first = int((along - 6.0) // row.spacing)
            last = int((along + _REACH[row.kind]) // row.spacing)
            for index in range(first, last + 1):
                thing = things[index % _TABLE]
                if thing is not None:
                    yield Thing(
                        thing.kind, index * row.spacing + thing.along, row.at + thing.across,
                        thing.variant, thing.size, thing.flip, thing.shape,
                    )  # fmt: skip


def paint_thing(
    image: np.ndarray,
    class_ids: np.ndarray,
    view: RoadView,
    place: Place,
    thing: Thing,
    look: Look,
) -> None:
    """Paint a thing other than a parked car, and turn what it hides to background."""
    camera = view.camera
    depth = camera.depth(place.y, place.z)
    if depth < 1.2:
        return
    if thing.kind in ('lamp', 'pole'):
        _paint_pole(image, class_ids, camera, place, thing, look)
        return
    picture = sprite(thing.kind, thing.variant)
    column, row = camera.project(place.x, place.y, place.z)
    scale = camera.focal / depth * (thing.size if thing.kind != 'person' else 1.0)
    half = 0.5 * picture.width * scale
    head = 0.8 * float(headlight(look, np.asarray(place.x), np.asarray(max(place.z, 0.5))))
    lamp = float(street_lamps(look, np.asarray(thing.along))) if look.dark else 0.0
    light = tuple(
        a + head * h + 0.5 * lamp * t
        for a, h, t in zip(look.ambient, HEADLIGHT_TINT, LAMP_TINT, strict=True)
    )
    paint_sprite(
        image, class_ids, picture,
        (column - half, row - picture.height * scale, column + half, row),
        light=(light[0], light[1], light[2]),
        haze=(float(haze(look, np.asarray(place.z))), look.haze),
        last_row=place.hidden_below, flip=thing.flip,
    )  # fmt: skip


def _paint_pole(
    image: np.ndarray, class_ids: np.ndarray, camera: Camera, place: Place, thing: Thing, look: Look
) -> None:
    tall = 7.5 * thing.size
    radius = 0.08 if thing.kind == 'lamp' else 0.14
    spot = Spot(look, x=place.x, z=place.z, along=thing.along)
    color = spot.color((105.0, 105.0, 100.0), 0.8)
    foot_x, foot_y = camera.project(place.x, place.y, place.z)
    top_x, top_y = camera.project(place.x, place.y + tall, place.z)
    half = max(radius * camera.focal / camera.depth(place.y, place.z), 0.4)
    outline = [(foot_x - half, foot_y), (foot_x + half, foot_y),
               (top_x + 0.7 * half, top_y), (top_x - 0.7 * half, top_y)]  # fmt: skip
    fill(image, outline, color)
    cover_convex(class_ids, outline, 2, last_row=place.hidden_below)
    if thing.kind == 'lamp':
        way = -1.0 if place.x > 0.0 else 1.0
        arm_x, arm_y = camera.project(place.x + 1.6 * way, place.y + tall + 0.2, place.z)
        fill(image, [(top_x, top_y - half), (arm_x, arm_y - half), (arm_x, arm_y + half),
                     (top_x, top_y + half)], color)  # fmt: skip
        if look.lamps > 0.0:
            size = 1.1 * camera.focal / camera.depth(place.y, place.z) + 2.0
            add_glow(image, (arm_x, arm_y), size, (255.0, 214.0, 150.0), 1.0)
