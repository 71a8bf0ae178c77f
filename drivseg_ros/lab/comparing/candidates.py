# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is compared, and on which frames, as a user writes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.errors import ModelError, ParameterError
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.known_labels import read_labels
from drivseg_ros.frames.spec import DatasetSpec, parse_spec
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_file import SUFFIXES, read_recipe, ready_recipes
from drivseg_ros.lab.training.recipe_parts import Source
from drivseg_ros.model.file import ModelFile
from drivseg_ros.model.store import find_model


@dataclass(frozen=True)
class Candidate:
    """A network to be compared: a recipe that makes it, or its file.

    Args:
        title: its name in the table.
        recipe: how it is made; None if there is a file.
        file: a checkpoint or a model file; None if there is a recipe.
    """

    title: str
    recipe: Recipe | None = None
    file: ModelFile | None = None


@dataclass(frozen=True, eq=False)
class MeasuredSet:
    """A data set that is measured on.

    Args:
        title: its name in the table.
        dataset: its frames.
    """

    title: str
    dataset: Dataset


def find_candidates(texts: Sequence[str], *, overrides: Sequence[str] = ()) -> list[Candidate]:
    """Reads what is to be compared, each by its title.

    Args:
        texts: names of models, and paths of models (.onnx), checkpoints (.safetensors) and recipes
            (.yaml); NAME.yaml is also a ready recipe.
        overrides: changes to all recipes, KEY=VALUE.

    Raises:
        ParameterError: if there is no such recipe, or two candidates have one title.
        ModelError: if a file cannot be used.
    """
    if not texts:
        raise ParameterError('nothing to compare was named; give recipes or networks')
    found = [_candidate(text, overrides) for text in texts]
    titles = Counter(one.title for one in found)
    result = []
    for one in found:
        if titles[one.title] > 1 and one.file is not None:
            one = Candidate(f'{one.title} ({one.file.path.stem})', file=one.file)
        result.append(one)
    twice = [title for title, count in Counter(one.title for one in result).items() if count > 1]
    if twice:
        raise ParameterError(
            f'two of the networks are called {twice[0]!r}; give each once, and recipes names of '
            'their own'
        )
    return result


def find_measured_sets(
    texts: Sequence[str],
    candidates: Sequence[Candidate],
    *,
    data: Path | None,
    labels: str | None = None,
    limit: int | None = None,
) -> list[MeasuredSet]:
    """Opens the data sets that are measured on.

    Args:
        texts: as KIND[:PART][=ROOT][,OPTION=VALUE...]; ${data} in a root stands for `data`. If
            there are none, what the recipes hold out.
        candidates: what is compared.
        data: the folder of data sets.
        labels: what the label files of all of them mean, for `read_labels`; None: as they say.
        limit: so many frames of each only.

    Raises:
        ParameterError: if none is named, or one is not understood.
        DataError: if one cannot be read.
    """
    sources = [_source(parse_spec(text)) for text in texts]
    if not sources:
        for recipe in (one.recipe for one in candidates if one.recipe is not None):
            sources += [source for source in recipe.held_out if source not in sources]
    if not sources:
        raise ParameterError(
            'no data set to measure on was named, and no recipe holds one out; give KIND:PART=ROOT '
            '(--data)'
        )
    given = None if labels is None else read_labels(labels)
    sets = []
    for source in sources:
        if limit is not None:
            source = Source(
                source.dataset,
                source.root,
                source.part,
                options={**source.options, 'limit': limit},
            )
        sets.append(MeasuredSet(source.title, source.spec.open(data, labels=given)))
    titles = Counter(one_set.title for one_set in sets)
    if len(titles) < len(sets):
        sets = [
            MeasuredSet(f'{one_set.title} {number}', one_set.dataset)
            if titles[one_set.title] > 1
            else one_set
            for number, one_set in enumerate(sets, start=1)
        ]
    return sets


def _candidate(text: str, overrides: Sequence[str]) -> Candidate:
    if text.endswith(SUFFIXES):
        recipe = read_recipe(text, overrides)
        return Candidate(recipe.name, recipe=recipe)
    try:
        file = find_model(text)
    except ModelError as error:
        if text in ready_recipes():
            raise ModelError(f'{error}; the ready recipe is written {text}.yaml') from None
        raise
    return Candidate(file.card.name, file=file)


def _source(spec: DatasetSpec) -> Source:
    return Source(spec.kind, spec.root, spec.part, options=spec.options)
