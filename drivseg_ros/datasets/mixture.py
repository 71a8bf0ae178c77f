# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several data sets as one: how many frames of each an epoch has, and in which order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from drivseg_ros.datasets.base import Dataset
from drivseg_ros.datasets.cache import Progress, cache_dataset
from drivseg_ros.datasets.class_mapping import ClassMapping
from drivseg_ros.datasets.label_sets import LabelSets
from drivseg_ros.errors import ParameterError


@dataclass(frozen=True, eq=False)
class Source:
    """One data set of a mixture.

    Args:
        dataset: Where the frames come from.
        mapping: What its labels mean to the network.
        weight: How often an epoch shows the set: 1 is every frame once, 0.2 a fifth of the
            frames, 3 every frame three times.
        samples: How many frames of it an epoch has, instead of a weight.

    Raises:
        ParameterError: If the weight or the samples are not positive, or the mapping is for other
            classes.
    """

    dataset: Dataset
    mapping: ClassMapping
    weight: float = 1.0
    samples: int | None = None

    def __post_init__(self) -> None:
        name = self.dataset.name
        if not (isinstance(self.weight, (int, float)) and 0 < self.weight < float('inf')):
            raise ParameterError(f'{name} has the weight {self.weight!r}; give a number above 0')
        if self.samples is not None and (type(self.samples) is not int or self.samples < 1):
            raise ParameterError(f'{name} has samples {self.samples!r}; give a number from 1')
        if self.samples is not None and self.weight != 1:
            raise ParameterError(f'{name} has both a weight and samples; give one of them')
        if self.mapping.source != self.dataset.classes:
            raise ParameterError(
                f'{name} has the classes {[c.name for c in self.dataset.classes]}, its mapping is '
                f'for {[c.name for c in self.mapping.source]}; make one for it'
            )

    @property
    def per_epoch(self) -> int:
        """Frames of this set in an epoch, at least one."""
        if self.samples is not None:
            return self.samples
        return max(1, round(self.weight * len(self.dataset)))


@dataclass(frozen=True, eq=False)
class MixedSample:
    """A frame as the network learns it.

    Args:
        name: The frame's name in its data set.
        image: uint8 [H, W, 3] RGB.
        target: uint8 [H, W], codes of the mixture's LabelSets.
        source: Which of the mixture's sources it is from.
    """

    name: str
    image: np.ndarray
    target: np.ndarray
    source: int


@dataclass(frozen=True, eq=False)
class Mixture:
    """Data sets that are learnt together.

    Args:
        sources: The data sets.
        seed: Together with the epoch it decides the order, and nothing else does.

    Raises:
        ParameterError: If there is no source, or their mappings do not share their LabelSets.
    """

    sources: tuple[Source, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, 'sources', tuple(self.sources))
        if not self.sources:
            raise ParameterError('a mixture of no data sets was asked for; name at least one')
        if type(self.seed) is not int or self.seed < 0:
            raise ParameterError(f'seed = {self.seed!r}; give a whole number from 0')
        if any(s.mapping.sets != self.sets for s in self.sources):
            raise ParameterError(
                'the mappings of a mixture give codes different meanings; make them together '
                '(create_mappings)'
            )

    @property
    def sets(self) -> LabelSets:
        """What the targets' codes mean."""
        return self.sources[0].mapping.sets

    def __len__(self) -> int:
        """Frames in an epoch."""
        return sum(source.per_epoch for source in self.sources)

    def order(self, epoch: int) -> np.ndarray:
        """The frames of an epoch.

        Each data set goes round in its own shuffled order, a new one each round, so that no frame
        comes again before all others of its set have come; the sets are interleaved at random.

        Args:
            epoch: Counted from 0.

        Returns:
            int64 [len(self), 2]: the source, and the index in its data set.
        """
        turns = np.repeat(np.arange(len(self.sources)), [s.per_epoch for s in self.sources])
        turns = self._chance(epoch, len(self.sources)).permutation(turns)
        indices = np.empty_like(turns)
        for i, source in enumerate(self.sources):
            chance = self._chance(epoch, i)
            rounds = -(-source.per_epoch // len(source.dataset))
            shuffled = [chance.permutation(len(source.dataset)) for _ in range(rounds)]
            indices[turns == i] = np.concatenate(shuffled)[: source.per_epoch]
        return np.stack([turns, indices], axis=1)

    def read(self, source: int, index: int) -> MixedSample:
        """One frame, its label turned into a target.

        Raises:
            DataError: If a file cannot be used.
        """
        chosen = self.sources[source]
        sample = chosen.dataset[index]
        return MixedSample(sample.name, sample.image, chosen.mapping.apply(sample.label), source)

    def cached(
        self,
        folder: Path,
        *,
        width: int,
        height: int,
        workers: int = 0,
        progress: Progress | None = None,
    ) -> Mixture:
        """The same mixture with all frames of one size, from a cache (see `cache_dataset`)."""
        return replace(
            self,
            sources=tuple(
                replace(
                    source,
                    dataset=cache_dataset(
                        source.dataset,
                        folder,
                        width=width,
                        height=height,
                        workers=workers,
                        progress=progress,
                    ),
                )
                for source in self.sources
            ),
        )

    def _chance(self, epoch: int, stream: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, epoch, stream))
