# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A training run as data: everything that decides what comes out, and nothing else.

What only decides how fast it comes out (device, worker processes, threads) is no part of a recipe.
docs/recipes.md describes every key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drivseg_ros.errors import ParameterError
from drivseg_ros.lab.training.recipe_parts import (
    Source,
    Teacher,
    check_keys,
    check_text,
    is_list,
    number,
    read_classes,
    read_part,
    write_classes,
)
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass

OPTIMIZERS = ('adam', 'adamw', 'sgd')
SCHEDULES = ('onecycle', 'constant')
PRECISIONS = ('32', 'bf16-mixed', '16-mixed')
_LONGEST_NAME = 200  # file systems allow 255 bytes

# Of each number: whether it is an integer, and the least and the largest value allowed.
_RANGES: dict[str, tuple[bool, float, float]] = {
    'width': (True, 32, 4096),
    'height': (True, 32, 4096),
    'frame_width': (True, 0, 8192),
    'frame_height': (True, 0, 8192),
    'samples': (True, 0, 10**9),
    'auxiliary_weight': (False, 0, 10),
    'batch': (True, 2, 4096),
    'epochs': (True, 1, 100_000),
    'accumulate': (True, 1, 1024),
    'learning_rate': (False, 1e-9, 10),
    'weight_decay': (False, 0, 1),
    'ascent': (False, 0.001, 0.999),
    'average': (False, 0, 0.999999),
    'clip': (False, 0, 1e6),
    'seed': (True, 0, 2**31 - 1),
    'limit_batches': (True, 0, 10**9),
    'freeze_epochs': (True, 0, 100_000),
    'target_stride': (True, 1, 16),
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
        check_text(self.name, 'the recipe has the name', 'a text')
        unfit = '/' in self.name or self.name.startswith('.') or not self.name.isprintable()
        if unfit or len(self.name.encode()) > _LONGEST_NAME:
            raise ParameterError(
                f'the recipe has the name {self.name!r}; a file name of at most {_LONGEST_NAME} '
                'bytes is needed'
            )
        check_text(self.architecture, 'the recipe has the architecture', 'a name')
        object.__setattr__(self, 'precision', str(self.precision))
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
        for key, (integer, low, high) in _RANGES.items():
            object.__setattr__(self, key, _in_range(key, getattr(self, key), integer, low, high))
        for key in ('weights', 'description', 'license'):
            if not isinstance(getattr(self, key), str):
                raise ParameterError(
                    f'the recipe has the {key} {getattr(self, key)!r}; a text is needed (in '
                    'quotes if YAML takes it for something else)'
                )
        if not isinstance(self.channels_last, bool):
            raise ParameterError(
                f'the recipe has channels_last {self.channels_last!r}; true or false is needed'
            )
        self._check_parts()
        if bool(self.frame_width) != bool(self.frame_height):
            raise ParameterError(
                f'the recipe has frames of {self.frame_width}x{self.frame_height}; give both '
                'sides, or 0 for both'
            )
        if not self.train or not self.validation:
            raise ParameterError(
                'the recipe has nothing under train or under validation; name a data set in each'
            )

    def _check_parts(self) -> None:
        if not isinstance(self.rates, Mapping):
            raise ParameterError(f'the recipe has the rates {self.rates!r}; write part: factor')
        rates = {
            str(k): number(v, f'the recipe has for {k} the rate') for k, v in self.rates.items()
        }
        object.__setattr__(self, 'rates', rates)
        if any(not 0 < rate <= 100 for rate in rates.values()):
            raise ParameterError(
                f'the recipe has the rates {rates}; factors above 0 to 100 are allowed (to leave a '
                'part alone, freeze it)'
            )
        if not is_list(self.freeze, str):
            raise ParameterError(
                f'the recipe has freeze {self.freeze!r}; a list of names of parts is needed'
            )
        object.__setattr__(self, 'freeze', tuple(self.freeze))
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

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height that frames are brought to before they are augmented."""
        return self.frame_width or self.width, self.frame_height or self.height

    @classmethod
    def from_dict(cls, content: Any) -> Recipe:
        """A recipe from what YAML or JSON holds.

        Raises:
            ParameterError: If a key is unknown or missing, or a value not allowed.
        """
        if not isinstance(content, Mapping):
            raise ParameterError(f'the recipe is {content!r}; write it as key: value')
        fields = [f.name for f in dataclasses.fields(cls)]
        check_keys(content, fields, 'the recipe', needed=4)
        values = dict(content)
        for key, kind in _LISTS.items():
            parts = values.get(key, ())
            if not isinstance(parts, Sequence) or isinstance(parts, str):
                raise ParameterError(f'the recipe has the {key} {parts!r}; a list is needed')
            values[key] = tuple(
                read_part(kind, part, f'entry {index} under {key} of the recipe')
                for index, part in enumerate(parts)
            )
        if 'classes' in values:
            values['classes'] = read_classes(values['classes'])
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as `from_dict` reads it, with every key."""
        content = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for key in _LISTS:
            content[key] = [dataclasses.asdict(part) for part in content[key]]
        content['classes'] = write_classes(self.classes)
        content['freeze'] = list(self.freeze)
        return content


_LISTS: dict[str, type] = {
    'train': Source,
    'validation': Source,
    'held_out': Source,
    'teachers': Teacher,
}


def _in_range(key: str, value: Any, integer: bool, low: float, high: float) -> float:
    given = number(value, f'the recipe has the {key}')
    if integer and given != int(given):
        raise ParameterError(f'the recipe has the {key} {value!r}; an integer is needed')
    if not low <= given <= high:
        raise ParameterError(f'the recipe has the {key} {value!r}; {low:g} to {high:g} is allowed')
    return int(given) if integer else given
