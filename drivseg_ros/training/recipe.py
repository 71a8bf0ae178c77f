# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A training run in numbers: what is shown how often, at which size, for how long."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivseg_ros.errors import ParameterError
from drivseg_ros.training.augmentation import Augmentation


@dataclass(frozen=True)
class Stage:
    """A part of the run at one image size.

    Args:
        epochs: Its length.
        width: Width of the training images; height likewise, both multiples of 8, so that the
            targets at half size cover the images exactly.
        batch: Images a step.
        augmentation: How frames are varied in it.
        rate: Factor on the schedule's learning rate. A late stage at a new size has something
            to learn, which the falling rate alone would not let it.

    Raises:
        ParameterError: If a value is out of range.
    """

    epochs: int
    width: int
    height: int
    batch: int
    augmentation: Augmentation = field(default_factory=Augmentation)
    rate: float = 1.0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2:
            raise ParameterError(
                f'a stage of {self.epochs} epochs with batches of {self.batch}; '
                'at least 1 epoch and 2 images (batch norm needs two) are allowed'
            )
        if not 0 < self.rate <= 10:
            raise ParameterError(f'a stage has the rate {self.rate}; above 0 to 10 is allowed')
        for side in (self.width, self.height):
            if side < 32 or side % 8:
                raise ParameterError(
                    f'a stage works at {self.width}x{self.height}; '
                    'multiples of 8 from 32 on are allowed'
                )


@dataclass(frozen=True)
class Recipe:
    """A whole run.

    Args:
        stages: Its stages, in order.
        samples: Frames drawn an epoch, by the name of the source; a source with more frames than
            that is drawn without repetition within the epoch.
        learning_rate: The peak of the one-cycle schedule (linear warm-up, cosine down to zero).
        weight_decay: Of AdamW, on convolution weights only.
        warm_up: Share of all steps that is warm-up.
        average: Decay of the running mean of the weights, a step; the mean is what is exported.
        clip: Largest norm of the gradient.
        seed: Of weights, order and augmentation.

    Raises:
        ParameterError: If a value is out of range.
    """

    stages: tuple[Stage, ...]
    samples: dict[str, int]
    learning_rate: float = 2e-3
    weight_decay: float = 2e-2
    warm_up: float = 0.05
    average: float = 0.995
    clip: float = 5.0
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.stages or not self.samples:
            raise ParameterError('a recipe needs at least one stage and one source')
        if any(count < 1 for count in self.samples.values()):
            raise ParameterError(f'samples is {self.samples}; at least 1 of each source is allowed')
        if not (0 < self.learning_rate < 1 and 0 <= self.weight_decay < 1 and self.clip > 0):
            raise ParameterError(
                f'learning rate {self.learning_rate}, weight decay {self.weight_decay}, clip '
                f'{self.clip}: the first two must lie in (0, 1), the last above 0'
            )
        if not (0 <= self.warm_up < 1 and 0 <= self.average < 1):
            raise ParameterError(
                f'warm-up {self.warm_up}, average {self.average}: 0 to below 1 is allowed'
            )

    @property
    def epochs(self) -> int:
        """Length of the run."""
        return sum(stage.epochs for stage in self.stages)

    def stage_of(self, epoch: int) -> Stage:
        """The stage of an epoch, counted from 0."""
        end = 0
        for stage in self.stages:
            end += stage.epochs
            if epoch < end:
                return stage
        raise ParameterError(f'epoch {epoch} lies behind the end of the recipe ({self.epochs})')

    def steps_in(self, epoch: int) -> int:
        """Number of optimiser steps of an epoch; a last incomplete batch is left out."""
        return max(1, sum(self.samples.values()) // self.stage_of(epoch).batch)

    @property
    def steps(self) -> int:
        """Number of optimiser steps of the run."""
        return sum(self.steps_in(epoch) for epoch in range(self.epochs))
