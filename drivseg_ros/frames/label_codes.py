# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the numbers or colours in a data set's label files mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.label_files import read_label_colors, read_label_ids
from drivseg_ros.model.card import UNLABELLED, ModelClass

Color = tuple[int, int, int]
"""Red, green, blue, each 0 to 255."""

_SHOWN = 8


class LabelCode(Protocol):
    """Turns a label file into class ids."""

    def read(self, path: Path) -> np.ndarray:
        """The label, uint8 [H, W], class ids, 255 unlabelled.

        Raises:
            DataError: If the file cannot be used, or says something that the code does not know.
        """


@dataclass(frozen=True)
class IdCode:
    """Numbers that stand for classes.

    Args:
        ids: Class id, or 255 for unlabelled, by the number in the file; all others are stray.

    Raises:
        ParameterError: If a number or an id is not 0 to 255.
    """

    ids: Mapping[int, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, 'ids', dict(self.ids))
        for number, class_id in self.ids.items():
            if not (0 <= number <= 255 and 0 <= class_id <= 255):
                raise ParameterError(
                    f'the number {number} in a label is to mean {class_id}; 0 to 255 are allowed'
                )

    def read(self, path: Path) -> np.ndarray:
        """The label, uint8 [H, W]; see `LabelCode`."""
        numbers = read_label_ids(path)
        counts = np.bincount(numbers.ravel(), minlength=256)
        strays = [int(n) for n in np.flatnonzero(counts) if int(n) not in self.ids]
        if strays:
            found = ', '.join(f'{n} ({_pixels(counts[n])})' for n in strays[:_SHOWN])
            raise DataError(
                f"label '{path}' has stray values: {found}{_more(strays)}; allowed are "
                f'{ranges(self.ids)}'
            )
        table = np.full(256, UNLABELLED, np.uint8)
        table[list(self.ids)] = list(self.ids.values())
        return table[numbers]


@dataclass(frozen=True)
class ColorCode:
    """Colours that stand for classes.

    Args:
        ids: Class id, or 255 for unlabelled, by colour; all other colours are stray.
    """

    ids: Mapping[Color, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, 'ids', dict(self.ids))

    def read(self, path: Path) -> np.ndarray:
        """The label, uint8 [H, W]; see `LabelCode`."""
        packed = _pack(read_label_colors(path))
        known = _pack(np.array(list(self.ids), np.uint8))
        order = np.argsort(known)
        place = order[np.searchsorted(known, packed, sorter=order).clip(max=len(known) - 1)]
        strange = known[place] != packed
        if strange.any():
            colors, counts = np.unique(packed[strange], return_counts=True)
            by_count = np.argsort(-counts, kind='stable')
            found = ', '.join(
                f'{_color(colors[i])} ({_pixels(counts[i])})' for i in by_count[:_SHOWN]
            )
            raise DataError(
                f"label '{path}' has stray colours: {found}{_more(colors)}; allowed are "
                f'{", ".join(map(str, self.ids))} (RGB)'
            )
        return np.array(list(self.ids.values()), np.uint8)[place]


def plain_ids(classes: tuple[ModelClass, ...], *, unlabelled: tuple[int, ...] = ()) -> IdCode:
    """The code of labels that hold the classes' own ids, and 255 where nobody labelled.

    Args:
        classes: The classes.
        unlabelled: Further numbers that mean unlabelled.
    """
    return IdCode({**{c.id: c.id for c in classes}, **dict.fromkeys((*unlabelled, 255), 255)})


def ranges(numbers: Mapping[int, int] | list[int]) -> str:
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


def _more(found: list[int] | np.ndarray) -> str:
    return f' and {len(found) - _SHOWN} more' if len(found) > _SHOWN else ''
