# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The data sets and teachers of a recipe, opened, with one meaning of all targets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.errors import DrivsegError, ParameterError
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.class_mapping import ClassMapping, create_mappings
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.frames.spec import resolve
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_parts import Source, Teacher
from drivseg_ros.model.file import ModelFile
from drivseg_ros.model.store import find_model


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
        """Which frames and which teachers these are, whatever folder they are in."""
        return {
            'train': [s.dataset.identity for s in self.train],
            'validation': [s.dataset.identity for s in self.validation],
            'teachers': [t.model.sha256 for t in self.teachers],
        }


def open_data(recipe: Recipe, data: Path | None = None) -> RunData:
    """Opens all that a recipe trains and validates on.

    Args:
        recipe: The recipe.
        data: What `${data}` stands for.

    Raises:
        DrivsegError: If something is not there or does not fit.
    """
    sources = (*recipe.train, *recipe.validation)
    datasets = [source.spec.open(data) for source in sources]
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
    """How many frames are under train and under validation at once: metrics of such flatter."""
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
            f'the teacher {teacher.model} gives no confidence; export or import it with confidence'
        )
    return model
