# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The folder of a run: which file is where, and whether a run may go on in it."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drivseg_ros.base.whole_file import write_whole
from drivseg_ros.errors import ParameterError, TrainingError
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_file import write_recipe
from drivseg_ros.lab.training.state_file import SafetensorsIO

_WORDS = ('name', 'description', 'license')  # keys that change nothing of what comes out


class RunFolder:
    """The files of one run.

    Args:
        path: The folder; it need not be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = path / 'recipe.yaml'
        self.facts = path / 'run.json'
        self.state = path / 'state.safetensors'
        self.best = path / 'best.safetensors'
        self.last = path / 'last.safetensors'
        self.metrics = path / 'metrics.csv'
        self.curves = path / 'curves.png'
        self.samples = path / 'samples.png'
        self.data = path / 'data.txt'
        self.tracking = path / 'mlflow.json'
        self.cache = path / 'cache'

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second run out of the folder for as long as this one is in it.

        Raises:
            TrainingError: If another run is in it, or the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / '.lock').open('w')
        except OSError as error:
            raise TrainingError(
                f'the folder {self.path} cannot be written ({error.strerror}); name another one'
            ) from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise TrainingError(
                    f'another run is writing to {self.path}; wait for it, or name another folder'
                ) from None
            yield

    def refuse_run(self) -> None:
        """Refuses to begin where there is a run already.

        Raises:
            ParameterError: If there is one.
        """
        if self.facts.exists():
            raise ParameterError(
                f'there is a run in {self.path}; go on with it (--resume), replace it '
                '(--overwrite), or name another folder'
            )

    def clear(self) -> None:
        """Removes the run that is in the folder, but for its decoded frames.

        Raises:
            TrainingError: If a file cannot be removed.
        """
        made = (self.facts, self.state, self.best, self.last, self.metrics, self.curves)
        for file in (*made, self.samples, self.data, self.recipe, self.tracking):
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise TrainingError(
                    f'{file} cannot be removed ({error.strerror}); name another folder'
                ) from None

    def start(
        self, facts: Mapping[str, Any], recipe: Recipe, data: str, pixels: Sequence[int]
    ) -> None:
        """Begins a run: writes what it is.

        Args:
            facts: What a run that goes on must be equal in.
            recipe: The recipe.
            data: What the check of the data said.
            pixels: Pixels of the training frames by code of the target.

        Raises:
            TrainingError: If the folder cannot be written.
        """
        for left in (self.state, self.metrics):
            left.unlink(missing_ok=True)
        write_recipe(recipe, self.recipe)
        write_whole(self.data, data)
        # Last: a folder with it is a run.
        text = json.dumps({'facts': facts, 'pixels': list(pixels)}, indent=1)
        write_whole(self.facts, text)

    def pixels(self) -> list[int]:
        """Pixels of the training frames by code of the target, as they were given to `start`."""
        return self._fact('pixels')

    def _fact(self, key: str) -> Any:
        try:
            return json.loads(self.facts.read_text())[key]
        except (OSError, ValueError, KeyError, TypeError):
            raise TrainingError(
                f'{self.facts} cannot be read, or is damaged; start the run again in another folder'
            ) from None

    def epochs_done(self) -> int:
        """How many epochs the state of the run holds."""
        if not self.state.exists():
            return 0
        return int(SafetensorsIO().load_checkpoint(self.state)['epoch']) + 1

    def go_on(self, facts: Mapping[str, Any], *, write: bool = True) -> int:
        """Takes a run up again.

        Args:
            facts: What the run is, as it was given to `start`.
            write: Whether to cut the metrics to the epochs that are done.

        Returns:
            The number of these epochs.

        Raises:
            ParameterError: If there is no run, or it is another one.
        """
        if not self.facts.exists():
            raise ParameterError(
                f'there is no run in {self.path} to go on with; start one without --resume'
            )
        _refuse_changes(self._fact('facts'), json.loads(json.dumps(facts)))
        done = self.epochs_done()
        rows = self.rows()[:done]
        if len(rows) < done:
            raise TrainingError(
                f'{self.metrics} lacks epochs that {self.state.name} has; start the run again in '
                'another folder'
            )
        if write:
            self._write_rows(rows)
        return done

    def rows(self) -> list[dict[str, float]]:
        """The metrics of the epochs so far.

        Raises:
            TrainingError: If the file is not as a run writes it.
        """
        if not self.metrics.exists():
            return []
        try:
            with self.metrics.open(newline='') as file:
                return [
                    {key: float(value) if value else math.nan for key, value in row.items()}
                    for row in csv.DictReader(file)
                ]
        except (OSError, ValueError, TypeError, csv.Error):
            raise TrainingError(
                f'{self.metrics} holds something else than numbers, or cannot be read; put it '
                'back as the run wrote it, or start the run again in another folder'
            ) from None

    def add_row(self, row: Mapping[str, float]) -> None:
        """Adds the metrics of an epoch."""
        self._write_rows([*self.rows(), dict(row)])

    def _write_rows(self, rows: list[dict[str, float]]) -> None:
        if not rows:
            self.metrics.unlink(missing_ok=True)
            return
        stream = io.StringIO()
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows([{k: _plain(v) for k, v in row.items()} for row in rows])
        write_whole(self.metrics, stream.getvalue())


def _plain(value: float) -> str:
    """A number as it is read again exactly; nothing where it says nothing."""
    if math.isnan(value):
        return ''
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _refuse_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    old, new = before['recipe'], now['recipe']
    changed = [key for key in {**old, **new} if key not in _WORDS and old.get(key) != new.get(key)]
    if changed:
        key = changed[0]
        more = f' (and {", ".join(changed[1:])})' if changed[1:] else ''
        raise ParameterError(
            f'the run was started with {key} {_short(old.get(key))}, and now it is '
            f'{_short(new.get(key))}{more}; a run goes on with the recipe it was started with '
            '(recipe.yaml in its folder), or starts in another folder'
        )
    for key in now.keys() - {'recipe'}:
        if before.get(key) != now[key]:
            raise ParameterError(
                f'the run was started with other {key}: {_short(before.get(key))}, and now '
                f'{_short(now[key])}; give the same again, or start in another folder'
            )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else f'{text[:197]}...'
