# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How strongly frames are varied, as a recipe writes it; views.py does it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drivseg_ros.errors import ParameterError

_FACTORS = ('zoom_in', 'zoom_out', 'aspect')
_OFF = 'off'


@dataclass(frozen=True)
class Augmentation:
    """Random views of a frame; by default there is no variation at all.

    Args:
        zoom_in: Largest magnification; the zoom is log-uniform between 1 / zoom_out and zoom_in.
        zoom_out: Largest reduction, as a factor of at least 1.
        aspect: Largest change of the aspect ratio, as a factor.
        rotation: Largest rotation in degrees.
        shift: Largest shift as a share of the free play that the zoom leaves, plus 5 %.
        flip: Probability of a mirrored frame. Mind that traffic keeps to one side: a mirrored
            street teaches that oncoming lanes are ours.
        color: Probability of another brightness, contrast and saturation.
        exposure: Probability of another exposure, which may cut off lights or shadows, and another
            white balance.
        night: Probability of darkness with headlights and lamps.
        shadow: Probability of cast shadows.
        bonnet: Probability of a bonnet or dashboard at the lower edge; what it covers is labelled
            as the call's `covered` says.
        rain: Probability of streaks, haze and drops on the windscreen.
        reflection: Probability of reflections in the windscreen.
        glare: Probability of a low sun or another light that dazzles.
        blur: Probability of a blur.
        noise: Probability of a sensor's noise.

    Raises:
        ParameterError: If a value is out of range.
    """

    zoom_in: float = 1.0
    zoom_out: float = 1.0
    aspect: float = 1.0
    rotation: float = 0.0
    shift: float = 0.0
    flip: float = 0.0
    color: float = 0.0
    exposure: float = 0.0
    night: float = 0.0
    shadow: float = 0.0
    bonnet: float = 0.0
    rain: float = 0.0
    reflection: float = 0.0
    glare: float = 0.0
    blur: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            low, high = (1, 4) if field.name in _FACTORS else (0, 1)
            high = 45 if field.name == 'rotation' else high
            value = getattr(self, field.name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not low <= value <= high:
                raise ParameterError(
                    f'augmentation: {field.name} is {value!r}; a number from {low} to {high} is '
                    'allowed'
                )

    @property
    def is_off(self) -> bool:
        """Whether frames are only resized."""
        return self == Augmentation()

    def scaled(self, strength: float) -> Augmentation:
        """A weaker one.

        Args:
            strength: 0 switches everything off, 1 changes nothing; probabilities and the ranges of
                geometry shrink in proportion.

        Raises:
            ParameterError: If it is not 0 to 1.
        """
        if isinstance(strength, bool) or not isinstance(strength, (int, float)):
            raise ParameterError(f'augmentation: strength is {strength!r}; give 0 to 1')
        if not 0 <= strength <= 1:
            raise ParameterError(f'augmentation: strength is {strength!r}; give 0 to 1')
        off = Augmentation()
        weaker = {
            f.name: rest + strength * (getattr(self, f.name) - rest)
            for f in dataclasses.fields(self)
            for rest in [getattr(off, f.name)]
        }
        return Augmentation(**weaker)

    @classmethod
    def from_spec(cls, spec: str | Mapping[str, Any] | None) -> Augmentation:
        """What a recipe has under `augmentation`.

        `None` or `'off'`; the name of a preset; or a mapping of values, which may start from a
        preset and weaken it: `{'preset': 'road', 'strength': 0.5, 'flip': 0}`.

        Raises:
            ParameterError: If a name is not known, or a value not allowed.
        """
        if spec is None or spec is False:
            return cls()
        given = {'preset': spec} if isinstance(spec, str) else spec
        if not isinstance(given, Mapping):
            raise ParameterError(
                f'augmentation is {spec!r}; allowed are {_OFF}, {", ".join(PRESETS)}, and a mapping'
            )
        values = dict(given)
        preset = values.pop('preset', _OFF)
        if preset != _OFF and (not isinstance(preset, str) or preset not in PRESETS):
            raise ParameterError(
                f'there is no augmentation {preset!r}; there are {_OFF}, {", ".join(PRESETS)}'
            )
        start = (cls() if preset == _OFF else PRESETS[preset]).scaled(values.pop('strength', 1.0))
        names = [f.name for f in dataclasses.fields(cls)]
        unknown = [key for key in values if key not in names]
        if unknown:
            raise ParameterError(
                f'augmentation has no {", ".join(map(repr, unknown))}; there are preset, strength, '
                f'{", ".join(names)}'
            )
        return dataclasses.replace(start, **values)


PRESETS: Mapping[str, Augmentation] = {
    'road': Augmentation(
        zoom_in=1.6,
        zoom_out=1.25,
        aspect=1.2,
        rotation=3.0,
        shift=1.0,
        flip=0.3,
        color=0.6,
        exposure=0.3,
        night=0.12,
        shadow=0.15,
        rain=0.12,
        blur=0.12,
        noise=0.12,
    ),
}
"""Ready ones by name. `road`: what a camera in a car meets, most frames still as they are."""
