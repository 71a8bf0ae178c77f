# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The data sets and teachers of a recipe, opened, with one meaning of all targets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.errors import DrivsegError, ParameterError
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.class_mapping import ClassMapping, create_mappings
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_parts import Source, Teacher
from drivseg_ros.model.file import ModelFile
from drivseg_ros.model.store import find_model

DATA = '${data}'
DATA_VARIABLE = 'DRIVSEG_DATA'


@dataclass(frozen=True, eq=False)
class OpenSource:
    """A data set of a recipe.

    Args:
        source: What the recipe says of it.
        dataset: Its frames.
        mapping: From its labels to targets.
    """

    source: Source
    dataset: Dataset
    mapping: ClassMapping


@dataclass(frozen=True, eq=False)
class OpenTeacher:
    """A teacher of a recipe.

    Args:
        teacher: What the recipe says of it.
        model: Its file.
        mapping: From its classes to codes of targets.
    """

    teacher: Teacher
    model: ModelFile
    mapping: ClassMapping


@dataclass(frozen=True, eq=False)
class RunData:
    """Everything that a run reads.

    Args:
        train: What is learned from.
        validation: What the best epoch is chosen by.
        teachers: What is learned from beside labels.
        sets: What the codes of all targets and hints mean.
    """

    train: tuple[OpenSource, ...]
    validation: tuple[OpenSource, ...]
    teachers: tuple[OpenTeacher, ...]
    sets: LabelSets

    @property
    def identities(self) -> dict[str, list[str]]:
        """Which frames and which teachers these are, whatever folder they lie in."""
        return {
            'train': [s.dataset.identity for s in self.train],
            'validation': [s.dataset.identity for s in self.validation],
            'teachers': [t.model.sha256 for t in self.teachers],
        }


def resolve(text: str, data: Path | None) -> str:
    """Puts the folder of data sets into a path of a recipe.

    Args:
        text: The path, with or without `${data}`.
        data: The folder; None takes that of the environment variable DRIVSEG_DATA.

    Raises:
        ParameterError: If it is wanted and not given, or not there.
    """
    if DATA not in text:
        return text
    given = data if data is not None else os.environ.get(DATA_VARIABLE)
    if not given:
        raise ParameterError(
            f'the recipe reads {text}, but the folder of data sets is not given; give it as '
            f'--data FOLDER or in {DATA_VARIABLE}'
        )
    if not Path(given).is_dir():
        raise ParameterError(f'the folder of data sets {given} is not there; correct --data')
    return text.replace(DATA, str(given))


def open_source(source: Source, data: Path | None) -> Dataset:
    """Opens one data set of a recipe.

    Raises:
        DrivsegError: If it is not there, or not what its kind is.
    """
    root = Path(resolve(source.root, data)).expanduser() if source.root else None
    return open_dataset(source.dataset, root, part=source.part, **source.options)


def open_data(recipe: Recipe, data: Path | None = None) -> RunData:
    """Opens all that a recipe trains and validates on.

    Args:
        recipe: The recipe.
        data: What `${data}` stands for.

    Raises:
        DrivsegError: If something is not there or does not fit.
    """
    sources = (*recipe.train, *recipe.validation)
    datasets = [open_source(source, data) for source in sources]
    models = [_teacher_model(teacher, data) for teacher in recipe.teachers]
    mappings = create_mappings(
        [(d.classes, s.map) for d, s in zip(datasets, sources, strict=True)]
        + [(m.card.classes, t.map) for m, t in zip(models, recipe.teachers, strict=True)],
        recipe.classes,
    )
    opened = [OpenSource(*parts) for parts in zip(sources, datasets, mappings, strict=False)]
    return RunData(
        train=tuple(opened[: len(recipe.train)]),
        validation=tuple(opened[len(recipe.train) :]),
        teachers=tuple(
            OpenTeacher(*parts)
            for parts in zip(recipe.teachers, models, mappings[len(sources) :], strict=True)
        ),
        sets=mappings[0].sets,
    )


def shared_frames(run: RunData) -> int:
    """How many frames lie under train and under validation at once: figures of such flatter."""
    count = 0
    for one in run.validation:
        same = [s.dataset.names for s in run.train if _place(s) == _place(one)]
        count += len(set(one.dataset.names) & {name for names in same for name in names})
    return count


def _place(opened: OpenSource) -> tuple[str, str, str]:
    source = opened.source
    return source.dataset, source.root, repr(dict(source.options))


def _teacher_model(teacher: Teacher, data: Path | None) -> ModelFile:
    try:
        model = find_model(resolve(teacher.model, data))
    except DrivsegError as error:
        raise ParameterError(f'the teacher {teacher.model}: {error}') from None
    if not model.has_confidence:
        raise ParameterError(
            f'the teacher {teacher.model} does not tell how sure it is; export or import it with '
            'confidence'
        )
    return model
