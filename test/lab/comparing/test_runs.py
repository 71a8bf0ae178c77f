# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs of recipes: begun, interrupted, taken up again, and found finished."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from drivseg_ros.errors import DrivsegError
from drivseg_ros.lab.comparing.runs import Means, is_finished, trained
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_file import plain_recipe
from drivseg_ros.lab.training.recipe_parts import Source


def scenes(first: int, last: int) -> tuple[Source, ...]:
    return (Source('scenes', options={'seeds': [first, last], 'width': 64, 'height': 48}),)


RECIPE = Recipe(
    'small',
    'fast_scnn',
    train=scenes(0, 4),
    validation=scenes(10, 12),
    weights='none',
    width=64,
    height=48,
    epochs=2,
    batch=2,
)
MEANS = Means(device='cpu', threads=1)


class Listener:
    """Keeps what it hears; stops the run behind an epoch if it is told to."""

    def __init__(self, stop_behind: int = 0) -> None:
        self.said: list[str] = []
        self.epochs: list[int] = []
        self._stop_behind = stop_behind

    def say(self, text: str) -> None:
        self.said.append(text)

    def step(self, epoch: int, step: int, steps: int) -> None:
        if 0 < self._stop_behind < epoch:
            raise KeyboardInterrupt

    def epoch(self, row: Mapping[str, float], best: bool) -> None:
        self.epochs.append(int(row['epoch']))


def test_a_run_goes_on_and_is_not_done_twice(tmp_path: Path) -> None:
    pytest.importorskip('lightning', reason="lightning is not installed: pip install '.[train]'")
    with pytest.raises(KeyboardInterrupt):
        trained(RECIPE, tmp_path / 'r', MEANS, Listener(stop_behind=1))
    listener = Listener()
    best, facts = trained(RECIPE, tmp_path / 'r', MEANS, listener)
    assert listener.said[0] == 'small: goes on, 2 epochs'
    assert listener.epochs == [2]
    assert facts['source'] == 'trained'
    assert facts['epochs'] in ('1 of 2', '2 of 2')
    with (tmp_path / 'r' / 'metrics.csv').open() as file:
        assert len(list(csv.DictReader(file))) == 2
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / 'r').rglob('*')}
    silent = Listener()
    again = trained(RECIPE, tmp_path / 'r', MEANS, silent)
    assert again == (best, facts | {'source': 'a finished run'})
    assert (silent.said, silent.epochs) == ([], [])
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / 'r').rglob('*')} == before
    other = dataclasses.replace(RECIPE, learning_rate=1e-3)
    with pytest.raises(DrivsegError, match='started with learning_rate'):
        trained(other, tmp_path / 'r', MEANS, Listener())


@pytest.mark.parametrize(
    ('epochs', 'change', 'written', 'finished'),
    [
        (2, {}, True, True),
        (3, {}, True, True),
        (1, {}, True, False),
        (2, {'seed': 2}, True, False),
        (2, {}, False, False),
    ],
)
def test_what_is_a_finished_run(
    tmp_path: Path, epochs: int, change: dict, written: bool, finished: bool
) -> None:
    recipe = dataclasses.replace(RECIPE, **change)
    facts, best = tmp_path / 'run.json', tmp_path / 'best.safetensors'
    if written:
        best.write_bytes(b'')
    facts.write_text(json.dumps({'facts': {'recipe': plain_recipe(recipe)}}))
    assert is_finished(RECIPE, facts, epochs, best) is finished
    facts.write_text('{}')
    assert not is_finished(RECIPE, facts, epochs, best)
