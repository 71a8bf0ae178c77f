# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a network is: its classes, their colours and roles, its input size and origin."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from drivseg_ros.base.json_data import parse_json, to_plain
from drivseg_ros.errors import ModelError

UNLABELLED = 255
"""The class id of pixels that nobody labelled; it is never counted and never predicted."""

MAX_CLASSES = 255
MAX_INPUT_SIDE = 8192
PRECISIONS = ('fp32', 'fp16', 'bf16', 'int8')

LETTERBOX_GREY = 114
"""The grey level round a letterboxed image; the habit of the YOLO family."""


class Role(str, enum.Enum):
    """What a class means to somebody who drives."""

    DIRECT = 'direct'
    """The ego lane."""
    ALTERNATIVE = 'alternative'
    """Other lanes that one may change to."""
    DRIVABLE = 'drivable'
    """Where one may drive, in networks that do not separate lanes."""
    ROAD = 'road'
    """Road surface that is not ours to drive, such as oncoming lanes."""
    NONE = 'none'


class Resize(str, enum.Enum):
    """How an image is brought to the network's input size (images/resizing.py)."""

    STRETCH = 'stretch'
    LETTERBOX = 'letterbox'


DRIVABLE_ROLES = (Role.DIRECT, Role.ALTERNATIVE, Role.DRIVABLE)
ROAD_ROLES = (*DRIVABLE_ROLES, Role.ROAD)


@dataclass(frozen=True)
class ModelClass:
    """One class of a network.

    Args:
        id: its value in the mask, 0 to 254.
        name: its name, unique in the card.
        color: red, green, blue, each 0 to 255.
        role: what it means to a driver.

    Raises:
        ModelError: if one of them is out of range.
    """

    id: int
    name: str
    color: tuple[int, int, int]
    role: Role = Role.NONE

    def __post_init__(self) -> None:
        if type(self.id) is not int or not 0 <= self.id < MAX_CLASSES:
            raise ModelError(
                f'class id {self.id!r} is not allowed: an integer from 0 to {MAX_CLASSES - 1} '
                f'is ({UNLABELLED} means unlabelled); correct the card'
            )
        if not isinstance(self.name, str) or not self.name.strip():
            raise ModelError(f'class {self.id} has the name {self.name!r}; give it a non-empty one')
        color = tuple(self.color) if isinstance(self.color, (tuple, list)) else ()
        if len(color) != 3 or any(type(c) is not int or not 0 <= c <= 255 for c in color):
            raise ModelError(
                f'class {self.name!r} has the color {self.color!r}; '
                'give [red, green, blue], each an integer from 0 to 255'
            )
        object.__setattr__(self, 'color', color)
        try:
            object.__setattr__(self, 'role', Role(self.role))
        except ValueError:
            allowed = ', '.join(role.value for role in Role)
            raise ModelError(
                f'class {self.name!r} has the role {self.role!r}; allowed are {allowed}'
            ) from None


@dataclass(frozen=True)
class ModelCard:
    """The description that travels inside a model file.

    Args:
        name: the model's name, as `drivseg models` shows it.
        classes: the classes; their ids are 0, 1, 2, ... without a gap, in this order.
        input_width: the network's input width in pixels.
        input_height: the network's input height in pixels.
        resize: whether images are stretched to that size or letterboxed with grey.
        architecture: the network's architecture, e.g. 'Fast-SCNN (Poudel et al. 2019)'.
        description: one or two sentences for a person.
        precision: of the file's weights and arithmetic: fp32, fp16, bf16 or int8.
        license: the licence of the weights and the terms of the data behind them.
        provenance: data, recipe, metrics: anything that JSON can hold.

    Raises:
        ModelError: if something is missing, out of range, or contradicts something else.
    """

    name: str
    classes: tuple[ModelClass, ...]
    input_width: int
    input_height: int
    resize: Resize = Resize.STRETCH
    architecture: str = ''
    description: str = ''
    precision: str = 'fp32'
    license: str = ''
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, 'classes', tuple(self.classes))
        if not isinstance(self.name, str) or not self.name.strip():
            raise ModelError(f'the card has the name {self.name!r}; give it a non-empty one')
        if not 1 <= len(self.classes) <= MAX_CLASSES:
            raise ModelError(
                f'the card has {len(self.classes)} classes; 1 to {MAX_CLASSES} are allowed'
            )
        ids = [c.id for c in self.classes]
        if ids != list(range(len(ids))):
            raise ModelError(
                f'the card has the class ids {ids}; they must be 0 to {len(ids) - 1} in order'
            )
        if len(set(self.class_names)) != len(ids):
            raise ModelError(
                f'the card has the class names {list(self.class_names)}; each may occur once only'
            )
        for side, value in (('width', self.input_width), ('height', self.input_height)):
            if type(value) is not int or not 1 <= value <= MAX_INPUT_SIDE:
                raise ModelError(
                    f'the card has the input {side} {value!r}; '
                    f'an integer from 1 to {MAX_INPUT_SIDE} (pixels) is allowed'
                )
        try:
            object.__setattr__(self, 'resize', Resize(self.resize))
        except ValueError:
            raise ModelError(
                f'the card has the resize {self.resize!r}; '
                f'allowed are {", ".join(mode.value for mode in Resize)}'
            ) from None
        if self.precision not in PRECISIONS:
            raise ModelError(
                f'the card has the precision {self.precision!r}; '
                f'allowed are {", ".join(PRECISIONS)}'
            )
        for key in ('architecture', 'description', 'license'):
            if not isinstance(getattr(self, key), str):
                raise ModelError(
                    f'the card has the {key} {getattr(self, key)!r}; give a text, or leave it out'
                )
        if not isinstance(self.provenance, Mapping):
            raise ModelError(
                f'the card has the provenance {self.provenance!r}; give an object, or leave it out'
            )

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names, in the order of the ids."""
        return tuple(c.name for c in self.classes)

    @property
    def lane_ids(self) -> tuple[int, ...]:
        """The ids of the ego lane: role direct, or all drivable ones if lanes are not separated."""
        direct = tuple(c.id for c in self.classes if c.role is Role.DIRECT)
        return direct or self.drivable_ids

    @property
    def drivable_ids(self) -> tuple[int, ...]:
        """Ids of the classes one may drive on: direct, alternative, drivable."""
        return tuple(c.id for c in self.classes if c.role in DRIVABLE_ROLES)

    @property
    def road_ids(self) -> tuple[int, ...]:
        """Ids of all road surface: the drivable classes and those with the role road."""
        return tuple(c.id for c in self.classes if c.role in ROAD_ROLES)

    @property
    def palette(self) -> np.ndarray:
        """Colour by class id, uint8 [256, 3] RGB; black where there is no class."""
        palette = np.zeros((256, 3), np.uint8)
        for c in self.classes:
            palette[c.id] = c.color
        return palette

    def to_json(self) -> str:
        """The card as the JSON text that `from_json` reads."""
        return json.dumps(to_plain(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Reads a card from JSON, without msgspec, so that the node runs with what apt has.

        Keys that this version does not know are refused rather than ignored: a card that says
        more than we obey would be obeyed wrongly.

        Raises:
            ModelError: if the text is no JSON, or the card is not valid.
        """
        content = _checked(parse_json(text, 'the card', error=ModelError), cls, 'the card')
        classes = content['classes']
        if not isinstance(classes, list):
            raise ModelError(
                "the card's classes must be a list of objects {id, name, color, role}; "
                f'given was {classes!r}'
            )
        checked = [_checked(c, ModelClass, 'a class of the card') for c in classes]
        return cls(**{**content, 'classes': tuple(ModelClass(**c) for c in checked)})


def _checked(content: Any, cls: type, what: str) -> dict[str, Any]:
    """The JSON form of a dataclass; refuses one with missing or unknown keys."""
    if not isinstance(content, dict):
        raise ModelError(f'{what} is {content!r}; it must be a JSON object')
    fields = {f.name: f for f in dataclasses.fields(cls)}
    unknown = sorted(content.keys() - fields.keys())
    if unknown:
        raise ModelError(f'{what} has the unknown keys {unknown}; allowed are {sorted(fields)}')
    missing = sorted(
        name
        for name, f in fields.items()
        if f.default is f.default_factory is dataclasses.MISSING and name not in content
    )
    if missing:
        raise ModelError(f'{what} lacks the keys {missing}; add them')
    return content


BDD100K_CLASSES = (
    ModelClass(0, 'direct', (46, 204, 113), Role.DIRECT),
    ModelClass(1, 'alternative', (52, 152, 219), Role.ALTERNATIVE),
    ModelClass(2, 'background', (0, 0, 0), Role.NONE),
)
"""BDD100K's drivable-area classes in the order of the literature."""
