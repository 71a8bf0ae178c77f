# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the values in somebody's labels mean: a small YAML file (config/labels/)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from drivseg_ros.base.share import share_directory
from drivseg_ros.base.yaml_reason import yaml_reason
from drivseg_ros.errors import DataError, ModelError, ParameterError
from drivseg_ros.frames.folder import classes_named
from drivseg_ros.frames.matching import Area, areas_of
from drivseg_ros.model.card import UNLABELLED, ModelClass
from drivseg_ros.model.store import find_model

_SUFFIXES = ('.yaml', '.yml')
_KEYS = ('description', 'classes', 'unlabelled', 'truth')
_STRAY = 254  # no class: there are fewer


@dataclass(frozen=True)
class Labels:
    """Classes by the values in a label.

    Args:
        name: of the map.
        classes: the classes, ids 0, 1, 2, ...
        values: class id by value.
        unlabelled: values of pixels that nobody labelled; 255 is one if it is no class's value.
        areas: what the labels are ground truth of; None: as `areas_of` reads it off the roles.

    Raises:
        ParameterError: if a value stands for two things, or is out of range, or a class has none.
    """

    name: str
    classes: tuple[ModelClass, ...]
    values: Mapping[int, int]
    unlabelled: tuple[int, ...] = ()
    areas: tuple[Area, ...] | None = None
    description: str = field(default='', compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, 'values', dict(self.values))
        # Some write binary masks as 0 and 255.
        implied = {UNLABELLED} - set(self.values)
        object.__setattr__(self, 'unlabelled', tuple(sorted({*self.unlabelled, *implied})))
        every = [*self.values, *self.unlabelled]
        if any(type(v) is not int or not 0 <= v <= 255 for v in every):
            raise ParameterError(f'{self._what} has the values {every}; 0 to 255 are allowed')
        twice = sorted(set(self.values) & set(self.unlabelled))
        if twice:
            raise ParameterError(
                f'in {self._what} the values {twice} are a class and unlabelled; choose'
            )
        lacking = [c.name for c in self.classes if c.id not in self.values.values()]
        if lacking:
            raise ParameterError(f'in {self._what} the classes {lacking} have no value; add one')

    @property
    def _what(self) -> str:
        return f'the label map {self.name!r}'

    @cached_property
    def truth(self) -> tuple[Area, ...]:
        """The areas that these labels are ground truth of."""
        return areas_of(self.classes) if self.areas is None else self.areas

    @cached_property
    def _table(self) -> np.ndarray:
        table = np.full(256, _STRAY, np.uint8)
        table[list(self.values)] = list(self.values.values())
        table[list(self.unlabelled)] = UNLABELLED
        return table

    def apply(self, label: np.ndarray, *, what: str = 'label') -> np.ndarray:
        """Class ids of a label, or of a mask, as it was recorded.

        Args:
            label: uint8 [H, W], values.
            what: 'label' or 'mask', for the error's sake.

        Returns:
            uint8 [H, W], class ids, UNLABELLED where nobody labelled.

        Raises:
            DataError: if it has a value that the map does not know.
        """
        found = self._table[label]
        if (found == _STRAY).any():
            values = np.unique(label[found == _STRAY]).tolist()
            option = '--labels' if what == 'label' else '--mask-classes'
            raise DataError(
                f'the {what} has the values {values}, which {self._what} does not know; it knows '
                f'{sorted({*self.values, *self.unlabelled})}: give the map of these {what}s '
                f'({option})'
            )
        return found


def plain_labels(name: str, classes: tuple[ModelClass, ...]) -> Labels:
    """The map of labels that hold the ids of these classes."""
    return Labels(name, classes, {c.id: c.id for c in classes})


def ready_labels() -> dict[str, Path]:
    """The maps that come with the package, by name."""
    return {p.stem: p for p in sorted((share_directory() / 'config/labels').glob('*.yaml'))}


def read_labels(text: str | Path) -> Labels:
    """Reads a map.

    Args:
        text: the name of a ready one, or the path of a YAML file.

    Raises:
        ParameterError: if there is none, or it is not valid.
    """
    path = Path(text)
    ready = ready_labels()
    if path.suffix not in _SUFFIXES:
        if str(text) not in ready:
            raise ParameterError(
                f'there is no label map {str(text)!r}; ready are {", ".join(ready)}, or give a '
                '.yaml file (docs/evaluating.md, Labels)'
            )
        path = ready[str(text)]
    try:
        content = YAML(typ='safe', pure=True).load(path.read_text())
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ParameterError(f'the label map {path} cannot be read: {yaml_reason(error)}') from None
    return _parse(path.stem, content)


def read_mask_map(text: str) -> Labels:
    """Reads what the values in masks mean.

    Args:
        text: as for `read_labels`, or the name or path of the model that made the masks.

    Raises:
        ParameterError: if there is neither, or it is not valid.
    """
    if Path(text).suffix in _SUFFIXES or text in ready_labels():
        return read_labels(text)
    try:
        card = find_model(text).card
    except ModelError as error:
        raise ParameterError(
            f'the classes of masks are {text!r}, which is no label map (ready are '
            f'{", ".join(ready_labels())}, or give a .yaml file) and no model: {error}'
        ) from None
    return plain_labels(card.name, card.classes)


def _parse(name: str, content: Any) -> Labels:
    what = f'the label map {name!r}'
    if not isinstance(content, Mapping) or not set(content) <= set(_KEYS):
        raise ParameterError(f'{what} must have the keys {", ".join(_KEYS)}; given was {content!r}')
    entries = content.get('classes')
    if not isinstance(entries, Sequence) or not all(isinstance(e, Mapping) for e in entries):
        raise ParameterError(
            f'{what} has the classes {entries!r}; give a list of {{name, values, role, color}}'
        )
    try:
        classes = classes_named([{k: v for k, v in e.items() if k != 'values'} for e in entries])
    except ParameterError as error:
        raise ParameterError(f'{what}: {error}') from None
    values: dict[int, int] = {}
    for c, entry in zip(classes, entries, strict=True):
        for value in _numbers(entry.get('values', [c.id]), f'class {c.name!r} of {what}'):
            if value in values:
                raise ParameterError(
                    f'in {what} the value {value} is both {classes[values[value]].name!r} and '
                    f'{c.name!r}; choose'
                )
            values[value] = c.id
    truth = content.get('truth')
    try:
        areas = None if truth is None else tuple(Area(one) for one in truth)
    except (TypeError, ValueError):
        raise ParameterError(
            f'{what} is the truth of {truth!r}; give a list of {", ".join(f.value for f in Area)}'
        ) from None
    for area in areas or ():
        if not area.ids(classes):
            raise ParameterError(
                f'{what} is to be the truth of {area.value}, and no class of it has such a role'
            )
    unlabelled = _numbers(content.get('unlabelled', []), f'unlabelled of {what}')
    return Labels(name, classes, values, unlabelled, areas, content.get('description', ''))


def _numbers(given: Any, what: str) -> tuple[int, ...]:
    if not isinstance(given, Sequence) or any(type(v) is not int for v in given):
        raise ParameterError(f'{what} has the values {given!r}; give a list of whole numbers')
    return tuple(given)
