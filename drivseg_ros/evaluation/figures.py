# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of the field, read off one confusion matrix over a whole set."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.confusion_matrix import ConfusionMatrix
from drivseg_ros.model.card import ModelCard

_DIGITS = 6


@dataclass(frozen=True)
class Figures:
    """How good a network is on labelled frames; shares from 0 to 1, NaN where not defined.

    Args:
        miou: The mean IoU over the classes that label or prediction have.
        iou_by_class: The IoU of each class by its name, in the order of the ids.
        drivable_iou: That of the classes that are drivable by their role, taken as one.
        road_iou: That of all road surface: drivable, or of the role road. Another truth than
            drivable: never in one column with it (DESIGN.md, contract 2).
        pixel_accuracy: The share of labelled pixels that are right.
        pixels: The number of labelled pixels.

    Raises:
        DataError: If a share lies outside of 0 to 1, or the number of pixels below 0.
    """

    miou: float
    iou_by_class: Mapping[str, float]
    drivable_iou: float
    road_iou: float
    pixel_accuracy: float
    pixels: int

    def __post_init__(self) -> None:
        object.__setattr__(self, 'iou_by_class', dict(self.iou_by_class))
        shares = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        pixels = shares.pop('pixels')
        by_class = shares.pop('iou_by_class')
        for name, share in [*shares.items(), *by_class.items()]:
            if not (math.isnan(share) or 0 <= share <= 1):
                raise DataError(f'the figure {name} is {share}; 0 to 1, or NaN, is allowed')
        if pixels < 0:
            raise DataError(f'figures of {pixels} pixels; at least 0 are allowed')

    @classmethod
    def of(cls, matrix: ConfusionMatrix, card: ModelCard) -> Figures:
        """Reads them off a matrix.

        Args:
            matrix: Over the whole set.
            card: Whose classes these are, with their names and roles.

        Raises:
            DataError: If the matrix has another number of classes than the card.
        """
        if matrix.num_classes != card.num_classes:
            raise DataError(
                f'a confusion matrix of {matrix.num_classes} classes with the card of {card.name}, '
                f'which has {card.num_classes}; they must be the same classes'
            )
        return cls(
            miou=matrix.miou,
            iou_by_class={
                name: float(iou)
                for name, iou in zip(card.class_names, matrix.iou_by_class, strict=True)
            },
            drivable_iou=matrix.iou_of(card.drivable_ids),
            road_iou=matrix.iou_of(card.road_ids),
            pixel_accuracy=matrix.pixel_accuracy,
            pixels=int(matrix.counts.sum()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, shares to six digits; None for a figure that is not defined."""
        content = dataclasses.asdict(self)
        content['iou_by_class'] = {n: _number(iou) for n, iou in self.iou_by_class.items()}
        return {
            name: _number(value) if isinstance(value, float) else value
            for name, value in content.items()
        }

    def to_json(self) -> str:
        """The figures as the JSON text that `from_json` reads."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Figures:
        """Reads figures from JSON.

        Raises:
            DataError: If the text is no JSON, or has other keys or values.
        """
        try:
            content = json.loads(text)
            by_class = {name: _share(iou) for name, iou in content.pop('iou_by_class').items()}
            pixels = content.pop('pixels')
            if type(pixels) is not int:
                raise TypeError('pixels must be an integer')
            shares = {name: _share(value) for name, value in content.items()}
            return cls(iou_by_class=by_class, pixels=pixels, **shares)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f'these are no figures ({error}); give what to_json wrote: '
                f'{", ".join(f.name for f in dataclasses.fields(cls))}'
            ) from None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), _DIGITS)


def _share(value: float | None) -> float:
    return math.nan if value is None else float(value)
