# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels: what the values in label images, label messages and recorded masks mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.label_images import open_label
from drivseg_ros.frames.matching import Area, areas_of
from drivseg_ros.model.card import UNLABELLED, ModelClass

Color = tuple[int, int, int]
"""Red, green, blue, each 0 to 255."""

_STRAY = 254  # no class: there are fewer
_SHOWN = 8


@dataclass(frozen=True)
class Labels:
    """The classes that labels or masks show, and the values or colours that stand for them.

    Args:
        name: for people.
        classes: the classes, ids 0, 1, 2, ...
        values: class id by value; none where only colours are known.
        colors: class id, or 255 for unlabelled, by colour, for label images in colours.
        unlabelled: values of pixels that nobody labelled; 255 is one if it is no class's value.
        areas: what the labels are ground truth of; None: as `areas_of` reads it off the roles.

    Raises:
        ParameterError: if a value stands for two things, or is out of range, or a class has
            neither a value nor a colour.
    """

    name: str
    classes: tuple[ModelClass, ...]
    values: Mapping[int, int]
    colors: Mapping[Color, int] = field(default_factory=dict)
    unlabelled: tuple[int, ...] = ()
    areas: tuple[Area, ...] | None = None

    def __post_init__(self) -> None:
        values, colors = dict(self.values), dict(self.colors)
        # Some write binary masks as 0 and 255.
        implied = {UNLABELLED} - set(values) if values else set()
        object.__setattr__(self, 'values', values)
        object.__setattr__(self, 'colors', colors)
        object.__setattr__(self, 'unlabelled', tuple(sorted({*self.unlabelled, *implied})))
        every = [*values, *self.unlabelled]
        if any(type(v) is not int or not 0 <= v <= 255 for v in every):
            raise ParameterError(f'{self._what} has the values {every}; 0 to 255 are allowed')
        twice = sorted(set(values) & set(self.unlabelled))
        if twice:
            raise ParameterError(
                f'in {self._what} the values {twice} are a class and unlabelled; choose'
            )
        shown = set((values or self.colors).values())
        lacking = [c.name for c in self.classes if c.id not in shown]
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

    def apply(self, plane: np.ndarray, *, what: str = 'the label') -> np.ndarray:
        """Class ids of the values in a label, or in a mask.

        Args:
            plane: uint8 [H, W], values.
            what: names it in the error.

        Returns:
            uint8 [H, W], class ids, UNLABELLED where nobody labelled.

        Raises:
            DataError: if it has a value that stands for nothing.
        """
        found = self._table[plane]
        if (found == _STRAY).any():
            values, counts = np.unique(plane[found == _STRAY], return_counts=True)
            named = [f'{v} ({_pixels(n)})' for v, n in zip(values, counts, strict=True)]
            raise DataError(
                f'{what} has stray values: {_first(named)}; {self.name} has '
                f'{ranges([*self.values, *self.unlabelled])}'
            )
        return found

    def read(self, path: Path) -> np.ndarray:
        """Class ids of a label image.

        Numbers (grey levels or palette indices) are taken as they stand, where the values are
        known; colours go by colour.

        Returns:
            uint8 [H, W], class ids, UNLABELLED where nobody labelled.

        Raises:
            DataError: if the file cannot be used, or a number or colour stands for nothing.
        """
        image = open_label(path)
        if self.values and (image.has_numbers or not self.colors):
            return self.apply(image.numbers(), what=f"label '{path}'")
        return self._by_color(path, image.colors())

    def _by_color(self, path: Path, rgb: np.ndarray) -> np.ndarray:
        packed = _pack(rgb)
        known = _pack(np.array(list(self.colors), np.uint8))
        order = np.argsort(known)
        place = order[np.searchsorted(known, packed, sorter=order).clip(max=len(known) - 1)]
        strange = known[place] != packed
        if strange.any():
            colors, counts = np.unique(packed[strange], return_counts=True)
            by_count = np.argsort(-counts, kind='stable')
            named = [f'{_color(colors[i])} ({_pixels(counts[i])})' for i in by_count]
            raise DataError(
                f"label '{path}' has stray colours: {_first(named)}; {self.name} has "
                f'{", ".join(map(str, self.colors))} (RGB)'
            )
        return np.array(list(self.colors.values()), np.uint8)[place]


def plain_labels(
    name: str, classes: Sequence[ModelClass], *, unlabelled: Sequence[int] = ()
) -> Labels:
    """Labels that hold the ids of these classes, or their colours.

    Args:
        name: for people.
        classes: the classes.
        unlabelled: further values, besides 255, of pixels that nobody labelled.
    """
    values = {c.id: c.id for c in classes}
    return Labels(name, tuple(classes), values, own_colors(classes), tuple(unlabelled))


def own_colors(classes: Sequence[ModelClass]) -> dict[Color, int]:
    """The classes by their colours; none where two have the same one."""
    colors = {c.color: c.id for c in classes}
    return colors if len(colors) == len(classes) else {}


def ranges(numbers: Iterable[int]) -> str:
    """Whole numbers in words: '0 to 18, 255'."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ', '.join(str(r[0]) if len(r) == 1 else f'{r[0]} to {r[-1]}' for r in runs)


def _pack(colors: np.ndarray) -> np.ndarray:
    wide = colors.astype(np.int32)
    return (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]


def _color(packed: int) -> Color:
    value = int(packed)
    return value >> 16, value >> 8 & 255, value & 255


def _pixels(count: int) -> str:
    return f'{count} pixel' if count == 1 else f'{count} pixels'


def _first(named: Sequence[str]) -> str:
    more = f' and {len(named) - _SHOWN} more' if len(named) > _SHOWN else ''
    return f'{", ".join(named[:_SHOWN])}{more}'
