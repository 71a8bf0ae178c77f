# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation counts, and how."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivseg_ros.errors import ParameterError
from drivseg_ros.evaluation.boundary import DEFAULT_SHARE

MAX_BANDS = 64


@dataclass(frozen=True)
class BootstrapSettings:
    """How it is drawn.

    Args:
        draws: how often; 0 gives no intervals.
        seed: another one gives other draws.
        level: the share of the draws that the interval holds.

    Raises:
        ParameterError: if a value is not allowed.
    """

    draws: int = 1000
    seed: int = 0
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.draws and not 100 <= self.draws <= 100_000:
            raise ParameterError(
                f'{self.draws} draws were asked for; 100 to 100000 are allowed, or 0 for none'
            )
        if not 0.5 <= self.level < 1:
            raise ParameterError(f'the level is {self.level}; 0.5 to below 1 is allowed')
        if self.seed < 0:
            raise ParameterError(f'the seed is {self.seed}; 0 or more is allowed')


@dataclass(frozen=True)
class EvaluationSettings:
    """What is counted, and how.

    Args:
        bands: the image is cut into so many bands of equal height, from far to near.
        boundary: the distance of the boundary IoU as a share of the diagonal; 0 leaves it out.
        sequence: whether frames follow each other in time, so that flicker can be measured.
        bootstrap: how intervals are drawn.

    Raises:
        ParameterError: if a value is not allowed.
    """

    bands: int = 4
    boundary: float = DEFAULT_SHARE
    sequence: bool = False
    bootstrap: BootstrapSettings = field(default_factory=BootstrapSettings)

    def __post_init__(self) -> None:
        if not 1 <= self.bands <= MAX_BANDS:
            raise ParameterError(f'{self.bands} bands were asked for; 1 to {MAX_BANDS} are allowed')
        if not 0 <= self.boundary <= 0.2:
            raise ParameterError(
                f'the boundary is {self.boundary} of the diagonal; 0 (none) to 0.2 is allowed'
            )


PLAIN = EvaluationSettings(bands=1, boundary=0, bootstrap=BootstrapSettings(draws=0))
"""The metrics of all pixels, and nothing that takes longer."""
