# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Time of day, weather and colours of a scene."""

from __future__ import annotations

from dataclasses import dataclass

from drivseg_ros.scenes.randomness import Stream

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """How a scene is lit; colours are RGB 0 to 255, lights are factors.

    Attributes:
        time: day, dusk or night.
        weather: clear, overcast, rain or fog.
        ambient: Light from the sky, by channel.
        sun: How dark shadows are (0 none, 1 black).
        sun_side: Sideways shift of shadows in metres for each metre of height.
        haze: Colour that distance fades to.
        haze_length: Distance in metres at which half is haze.
        headlights: Strength of our own headlights.
        lamps: Strength of street lamps and lit windows.
        wet: How strongly the road mirrors (0 dry).
        sky_top, sky_low: Colours of the sky overhead and at the horizon.
        cloud: Share of clouds, 0 to 1.
        cloud_color: Their colour.
    """

    time: str
    weather: str
    ambient: Color
    sun: float
    sun_side: float
    haze: Color
    haze_length: float
    headlights: float
    lamps: float
    wet: float
    sky_top: Color
    sky_low: Color
    cloud: float
    cloud_color: Color

    @property
    def dark(self) -> bool:
        """Are lights on?"""
        return self.time != 'day'


def _mix(a: Color, b: Color, t: float) -> Color:
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def draw_look(stream: Stream) -> Look:
    """Random light: six days in ten, dusk, and night about one in four, as in BDD100K."""
    time = stream.weighted([('day', 0.6), ('dusk', 0.14), ('night', 0.26)])
    weather = stream.weighted([('clear', 0.48), ('overcast', 0.3), ('rain', 0.15), ('fog', 0.07)])
    grey = weather != 'clear'
    sun = 0.0
    if time == 'day':
        level = stream.uniform(0.75, 1.1) if grey else stream.uniform(0.9, 1.2)
        ambient = (level, level, level * stream.uniform(0.95, 1.08))
        top: Color = (72.0, 122.0, 190.0)
        low: Color = (188.0, 210.0, 232.0)
        top = _mix(top, (120.0, 160.0, 215.0), stream.unit())
        cloud, cloud_color = stream.uniform(0.0, 0.75), (246.0, 247.0, 250.0)
        if grey:
            shade = stream.uniform(150.0, 235.0)
            top, low = (shade * 0.92, shade * 0.95, shade), (shade, shade, shade * 1.01)
            cloud, cloud_color = 0.8, (shade * 0.85, shade * 0.86, shade * 0.9)
        else:
            sun = stream.uniform(0.35, 0.72)
    elif time == 'dusk':
        level = stream.uniform(0.28, 0.55)
        ambient = (level * 1.04, level * 0.98, level)
        top, low = (52.0, 66.0, 108.0), (228.0, 160.0, 118.0)
        top = _mix(top, (100.0, 110.0, 140.0), stream.unit())
        low = _mix(low, (170.0, 165.0, 170.0), stream.unit())
        cloud, cloud_color = stream.uniform(0.2, 0.8), (120.0, 100.0, 112.0)
        if grey:
            top, low = (96.0, 102.0, 118.0), (134.0, 138.0, 148.0)
    else:
        level = stream.uniform(0.03, 0.13)
        ambient = (level * 1.05, level, level * 1.1)
        glow = stream.uniform(2.0, 34.0)
        top, low = (4.0, 5.0, 11.0), (glow * 1.1, glow * 0.9, glow * 0.8)
        cloud, cloud_color = 0.3, (glow, glow * 0.9, glow * 0.85)
    haze_length = stream.uniform(250.0, 1200.0)
    if weather == 'fog':
        haze_length = stream.uniform(35.0, 120.0)
    elif weather == 'rain':
        haze_length = stream.uniform(110.0, 350.0)
    return Look(
        time=time,
        weather=weather,
        ambient=ambient,
        sun=sun,
        sun_side=stream.uniform(-1.4, 1.4),
        haze=low if weather != 'fog' or time == 'night' else _mix(low, (215.0,) * 3, 0.3),
        haze_length=haze_length,
        headlights=0.0 if time == 'day' else stream.uniform(0.45, 1.1),
        lamps=0.0 if time == 'day' else stream.uniform(0.1, 0.9),
        wet=stream.uniform(0.3, 0.85)
        if weather == 'rain'
        else (stream.uniform(0.15, 0.4) if stream.chance(0.08) else 0.0),
        sky_top=top,
        sky_low=low,
        cloud=cloud,
        cloud_color=cloud_color,
    )
