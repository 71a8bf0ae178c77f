# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a recipe is made of besides numbers: data sets, teachers, and lists of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.folder import CLASS_LISTS, classes_named
from drivseg_ros.frames.spec import DatasetSpec
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass, Role

LANES = 'lanes'
LANE_CLASSES = (
    *BDD100K_CLASSES[:2],
    ModelClass(2, 'other_road', (155, 89, 182), Role.ROAD),
    ModelClass(3, 'background', (0, 0, 0), Role.NONE),
)
"""BDD100K's lanes, and the road that is not ours to drive apart from what is no road."""


@dataclass(frozen=True)
class Source:
    """One data set of a recipe.

    Args:
        dataset: Its kind, as `open_dataset` takes it.
        root: Its folder; `${data}` in it stands for the folder given as `--data-folder`.
        part: Its part, such as 'training'; None takes all of it.
        weight: How often an epoch draws each frame: 1 once, 0.2 every fifth (others each epoch),
            2 twice.
        map: From its classes to the network's; None maps equal names to each other.
        options: What else `open_dataset` takes for this kind.

    Raises:
        ParameterError: If a value is not allowed.
    """

    dataset: str
    root: str = ''
    part: str | None = None
    weight: float = 1.0
    map: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 1000:
            raise ParameterError(
                f'the data set {self.dataset!r} has the weight {self.weight}; above 0 to 1000 is '
                'allowed (leave it out of the recipe instead of giving it none)'
            )
        if 'part' in self.options:
            raise ParameterError(
                f'the data set {self.dataset!r} has its part among the options; write it beside '
                'them (part: NAME)'
            )

    @property
    def spec(self) -> DatasetSpec:
        """The data set alone."""
        return DatasetSpec(self.dataset, self.root, self.part, self.options)

    @property
    def title(self) -> str:
        """A short name for people."""
        return self.spec.title


@dataclass(frozen=True)
class Teacher:
    """A network whose answers are learned from beside the labels.

    Args:
        model: A model file of ours with confidence: a path, or a name that `drivseg models` lists.
        weight: Factor on its loss.
        map: From its classes to the network's; None maps equal names to each other.
        sources: Which entries under `train` it is asked about: their places, from 0, their kinds,
            or the names of their folders; none: all of them.
        everywhere: Listened to on every pixel, also where it contradicts a label, instead of only
            where the labels leave open what it says.

    Raises:
        ParameterError: If a value is not allowed.
    """

    model: str
    weight: float = 1.0
    map: Mapping[str, Any] | None = None
    sources: tuple[int | str, ...] = ()
    everywhere: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 100:
            raise ParameterError(
                f'the teacher {self.model} has the weight {self.weight}; above 0 to 100 is allowed'
            )


def asked(teacher: Teacher, train: Sequence[Source]) -> list[bool]:
    """About which of the training sets a teacher is asked.

    Raises:
        ParameterError: If it names one that is not there.
    """
    known = [{place, s.dataset, s.spec.name} for place, s in enumerate(train)]
    for wanted in teacher.sources:
        if not any(wanted in one for one in known):
            raise ParameterError(
                f'the teacher {teacher.model} is to be asked about {wanted!r}; under train are '
                f'{ {place: s.spec.name for place, s in enumerate(train)} }'
            )
    return [not teacher.sources or bool(one & set(teacher.sources)) for one in known]


def read_classes(value: Any) -> tuple[ModelClass, ...]:
    """Classes as a recipe writes them: a name, or a list of names or {name, color, role}.

    Raises:
        ParameterError: If there is no such list, or a class is not valid.
    """
    if value == LANES:
        return LANE_CLASSES
    try:
        classes = classes_named(value)
    except ParameterError as error:
        raise ParameterError(f'{error}; {LANES} is known as well') from None
    if len(classes) < 2:
        raise ParameterError(f'the recipe has the classes {value!r}; at least 2 are needed')
    return classes


def write_classes(classes: Sequence[ModelClass]) -> Any:
    """The reverse of `read_classes`."""
    for name, known in {LANES: LANE_CLASSES, **CLASS_LISTS}.items():
        if tuple(classes) == known:
            return name
    return [{'name': c.name, 'color': list(c.color), 'role': c.role.value} for c in classes]
