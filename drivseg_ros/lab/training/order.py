# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which frames an epoch draws, and in which order: a function of the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.mixture import epoch_order

_VIEWS = 10**6  # keeps these numbers apart from those that the order is drawn by


class Draw(NamedTuple):
    """One frame of an epoch: its data set, its place in it, and the seed of its variation."""

    source: int
    frame: int
    seed: int


class EpochOrder(Sampler[Draw]):
    """Draws the frames of one epoch after another, in the order of `epoch_order`.

    Args:
        lengths: The data sets' numbers of frames.
        counts: How many frames of each an epoch has.
        seed: Of the run.
        batch: Frames a step and process; an incomplete step is left out.
        rank: Which of `world` processes this is.
        world: How many processes there are.
        epoch: The first epoch, from 0. It is needed here: with loading processes, Lightning
            starts to read before it sets the epoch.

    Raises:
        ParameterError: If an epoch has no complete step.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        counts: Sequence[int],
        *,
        seed: int,
        batch: int,
        rank: int = 0,
        world: int = 1,
        epoch: int = 0,
    ) -> None:
        self.lengths = tuple(lengths)
        self.counts = tuple(counts)
        self.seed = seed
        self.batch = batch
        self.rank = rank
        self.world = world
        self.epoch = epoch
        if not self.steps:
            raise ParameterError(
                f'an epoch has {sum(counts)} frames, fewer than one step takes: {batch} on each '
                f'of {world} devices; give a smaller batch, more frames or more samples'
            )

    @property
    def steps(self) -> int:
        """Number of complete batches of an epoch and process."""
        return sum(self.counts) // (self.batch * self.world)

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch, from 0, that the next iteration gives; Lightning calls it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps * self.batch

    def __iter__(self) -> Iterator[Draw]:
        places = epoch_order(self.lengths, self.counts, seed=self.seed, epoch=self.epoch)
        chance = np.random.default_rng((self.seed, _VIEWS, self.epoch))
        seeds = chance.integers(2**31 - 1, size=len(places))
        draws = [
            Draw(int(source), int(frame), int(seed))
            for (source, frame), seed in zip(places, seeds, strict=True)
        ]
        return iter(draws[self.rank : len(self) * self.world : self.world])
