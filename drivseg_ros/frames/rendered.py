# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered scenes as a data set: no files, exact labels, as many as are wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

import drivseg_ros
from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.split import Part
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass
from drivseg_ros.scenes import random_frame

SEEDS: Mapping[Part, range] = {
    Part.TRAINING: range(3000),
    Part.VALIDATION: range(2_000_000, 2_000_200),
    Part.HELD_OUT: range(3_000_000, 3_000_200),
}
"""The seeds of each part; no two seeds show the same drive."""


@dataclass(frozen=True)
class RenderedScenes:
    """A data set of scenes (see `base.Dataset`).

    Args:
        seeds: One scene each.
        width: Image width in pixels.
        height: Image height in pixels.

    Raises:
        ParameterError: If there is no seed, or one is negative.
    """

    seeds: range
    width: int = 640
    height: int = 360

    def __post_init__(self) -> None:
        if not self.seeds or min(self.seeds) < 0:
            raise ParameterError(
                f'the seeds {self.seeds.start} to {self.seeds.stop} name no scenes; give [first, '
                'behind the last], from 0'
            )

    @property
    def name(self) -> str:
        """The seeds in words."""
        return f'scenes {self.seeds.start} to {self.seeds[-1]}'

    @property
    def classes(self) -> tuple[ModelClass, ...]:
        """BDD100K's, by whose rules scenes are labelled."""
        return BDD100K_CLASSES

    @property
    def names(self) -> tuple[str, ...]:
        """`scene_SEED` of each."""
        return tuple(f'scene_{seed}' for seed in self.seeds)

    @property
    def identity(self) -> str:
        """A digest of the seeds, the size and the version of the painter."""
        described = (self.seeds, self.width, self.height, drivseg_ros.__version__)
        return hashlib.sha256(repr(described).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, index: int) -> LabelledFrame:
        seed = self.seeds[index]
        frame = random_frame(seed, self.width, self.height)
        return LabelledFrame(f'scene_{seed}', frame.image, frame.class_ids)

    def label_only(self, index: int) -> np.ndarray:
        """The label of a scene, uint8 [H, W]; it costs as much as the scene."""
        return self[index].pair()[1]


def open_scenes(
    parts: tuple[Part, ...],
    *,
    seeds: tuple[int, int] | list[int] | None = None,
    width: int = 640,
    height: int = 360,
    limit: int = 0,
) -> RenderedScenes:
    """Scenes of a part, or of given seeds.

    Args:
        parts: One part of SEEDS; not needed with seeds.
        seeds: The first, and the one behind the last.
        width: Image width in pixels.
        height: Image height in pixels.
        limit: Only the first so many; 0: all.

    Raises:
        ParameterError: If the seeds are no range, the limit is negative, or parts and seeds are
            both given.
    """
    if seeds is not None:
        whole = isinstance(seeds, (list, tuple)) and all(type(s) is int for s in seeds)
        if not whole or len(seeds) != 2:
            raise ParameterError(f'seeds are {seeds!r}; give [first, behind the last]')
        if parts:
            raise ParameterError('give a part of the scenes or their seeds, not both')
        wanted = range(*seeds)
    else:
        wanted = SEEDS[parts[0] if parts else Part.TRAINING]
    if limit < 0:
        raise ParameterError(f'limit is {limit}; give a number of scenes from 1, or 0 for all')
    return RenderedScenes(wanted[: limit or None], width, height)
