# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A training run as data: everything that decides what comes out, and nothing else.

What only decides how fast it comes out (device, worker processes, threads) is no part of a recipe.
docs/recipes.md describes every key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drivseg_ros.errors import ParameterError
from drivseg_ros.lab.training.recipe_parts import Source, Teacher
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass

OPTIMIZERS = ('adam', 'adamw', 'sgd')
SCHEDULES = ('onecycle', 'constant')
PRECISIONS = ('32', 'bf16-mixed', '16-mixed')
_LONGEST_NAME = 200  # file systems allow 255 bytes

# Of each number the least and the largest value allowed.
_RANGES: dict[str, tuple[float, float]] = {
    'width': (32, 4096),
    'height': (32, 4096),
    'frame_width': (0, 8192),
    'frame_height': (0, 8192),
    'samples': (0, 10**9),
    'auxiliary_weight': (0, 10),
    'batch': (2, 4096),
    'epochs': (1, 100_000),
    'accumulate': (1, 1024),
    'learning_rate': (1e-9, 10),
    'weight_decay': (0, 1),
    'ascent': (0.001, 0.999),
    'average': (0, 0.999999),
    'clip': (0, 1e6),
    'seed': (0, 2**31 - 1),
    'limit_batches': (0, 10**9),
    'freeze_epochs': (0, 100_000),
    'target_stride': (1, 16),
}


@dataclass(frozen=True)
class Recipe:
    """One training run. The default values are the reference recipe.

    Args:
        name: Of the run and of the network it makes.
        architecture: A name of `drivseg_ros.networks.registry`.
        train: What is learned from.
        validation: What the best epoch is chosen by.
        held_out: What the finished network is measured on, and nothing is chosen by.
        weights: Where training starts: 'imagenet', 'none', or what else `load_pretrained` takes,
            such as a checkpoint of ours.
        classes: The network's classes.
        width: Width of the network's input, in pixels; height likewise.
        frame_width: Width that frames are brought to before they are augmented, 0 for `width`;
            larger ones let a zoom show detail. frame_height likewise.
        samples: Frames an epoch, shared out by the sources' weights; 0 for as many as these say.
        loss: What `create_loss` takes.
        target_stride: The loss is taken at this fraction of the input's size; 2 costs a quarter.
        auxiliary_weight: Factor on the loss of each auxiliary head.
        teachers: Networks that are learned from beside the labels.
        augmentation: What `Augmentation.from_spec` takes; None changes nothing.
        batch: Frames a step and device; batch norm needs at least 2.
        epochs: How often the frames are gone through.
        accumulate: Batches whose gradients make one step.
        precision: '32', 'bf16-mixed' or '16-mixed' (GPU only).
        optimizer: One of OPTIMIZERS.
        learning_rate: The peak of the schedule.
        rates: Factors on it, by the name of a part of the network (`encoder: 0.3`).
        freeze: Parts of the network that the first `freeze_epochs` epochs leave as they are, batch
            statistics included.
        freeze_epochs: How many epochs these are.
        weight_decay: As the optimiser has it; none on biases and normalisation.
        schedule: 'onecycle' (Smith and Topin 2018: up and down by cosine) or 'constant'.
        ascent: Share of the steps in which 'onecycle' rises.
        average: Decay, a step, of the running mean of the weights; where it is above 0 the mean
            is what is validated and kept.
        clip: Largest norm of the gradient; 0 leaves it alone.
        channels_last: Whether convolutions work on channels-last memory.
        seed: Of weights, order, augmentation and dropout.
        limit_batches: Batches an epoch at most, in training and in validation, to try a recipe
            out; 0 for all.
        description: One or two sentences for the card.
        license: The terms of the data, for the card.

    Raises:
        ParameterError: If a value is not allowed.
    """

    name: str
    architecture: str
    train: tuple[Source, ...]
    validation: tuple[Source, ...]
    held_out: tuple[Source, ...] = ()
    weights: str = 'imagenet'
    classes: tuple[ModelClass, ...] = BDD100K_CLASSES
    width: int = 640
    height: int = 360
    frame_width: int = 0
    frame_height: int = 0
    samples: int = 0
    loss: Any = 'cross_entropy'
    target_stride: int = 1
    auxiliary_weight: float = 0.4
    teachers: tuple[Teacher, ...] = ()
    augmentation: Any = None
    batch: int = 8
    epochs: int = 12
    accumulate: int = 1
    precision: str = '32'
    optimizer: str = 'adam'
    learning_rate: float = 3e-4
    rates: Mapping[str, float] = field(default_factory=dict)
    freeze: tuple[str, ...] = ()
    freeze_epochs: int = 0
    weight_decay: float = 0.0
    schedule: str = 'onecycle'
    ascent: float = 0.3
    average: float = 0.0
    clip: float = 0.0
    channels_last: bool = False
    seed: int = 1
    limit_batches: int = 0
    description: str = ''
    license: str = ''

    def __post_init__(self) -> None:
        unfit = '/' in self.name or self.name.startswith('.') or not self.name.isprintable()
        if unfit or not self.name.strip() or len(self.name.encode()) > _LONGEST_NAME:
            raise ParameterError(
                f'the recipe has the name {self.name!r}; a file name of at most {_LONGEST_NAME} '
                'bytes is needed'
            )
        for key, allowed in (
            ('optimizer', OPTIMIZERS),
            ('schedule', SCHEDULES),
            ('precision', PRECISIONS),
        ):
            if getattr(self, key) not in allowed:
                raise ParameterError(
                    f'the recipe has the {key} {getattr(self, key)!r}; allowed are '
                    f'{", ".join(allowed)}'
                )
        for key, (low, high) in _RANGES.items():
            if not low <= getattr(self, key) <= high:
                raise ParameterError(
                    f'the recipe has the {key} {getattr(self, key)!r}; {low:g} to {high:g} is '
                    'allowed'
                )
        if any(not 0 < rate <= 100 for rate in self.rates.values()):
            raise ParameterError(
                f'the recipe has the rates {dict(self.rates)}; factors above 0 to 100 are allowed '
                '(to leave a part alone, freeze it)'
            )
        if bool(self.freeze) != bool(self.freeze_epochs):
            raise ParameterError(
                f'the recipe has freeze {list(self.freeze)} and freeze_epochs '
                f'{self.freeze_epochs}; give both or none'
            )
        if self.width % self.target_stride or self.height % self.target_stride:
            raise ParameterError(
                f'the recipe has the target_stride {self.target_stride}, which does not divide '
                f'{self.width}x{self.height}; give one that does'
            )
        if bool(self.frame_width) != bool(self.frame_height):
            raise ParameterError(
                f'the recipe has frames of {self.frame_width}x{self.frame_height}; give both '
                'sides, or 0 for both'
            )
        if not self.train or not self.validation:
            raise ParameterError(
                'the recipe has nothing under train or under validation; name a data set in each'
            )

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height that frames are brought to before they are augmented."""
        return self.frame_width or self.width, self.frame_height or self.height
