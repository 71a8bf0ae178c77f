# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A recipe's run in the folder of a comparison: begun, taken up again, or found finished.

It trains in a process of its own (`python -m` this module): what it takes with it when it dies,
such as for want of memory, is itself, and its memory is given back before the next one begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivseg_ros.base.child import OnNote, Worker, serve
from drivseg_ros.base.json_data import read_json
from drivseg_ros.errors import DataError, TrainingError
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_file import plain_recipe
from drivseg_ros.model.file import read_model_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivseg_ros.lab.training.reporter import Reporter

_MODULE = 'drivseg_ros.lab.comparing.runs'


@dataclass(frozen=True)
class Means:
    """What training may use.

    Args:
        data: the folder of data sets, for ${data}.
        device: auto, cpu, cuda, cuda:INDEX.
        threads: CPU threads; 0 leaves the choice to torch.
        workers: processes that load frames.
        cache: a folder for decoded frames, which all runs share; None decodes each time.
    """

    data: Path | None = None
    device: str = 'auto'
    threads: int = 0
    workers: int = 0
    cache: Path | None = None


def trained(
    recipe: Recipe, folder: Path, means: Means, reporter: Reporter
) -> tuple[Path, dict[str, Any]]:
    """The best checkpoint of a recipe's run.

    Args:
        recipe: the recipe.
        folder: of the run. A run of this recipe that is finished there is taken as it is, one
            that is not goes on.
        means: what training may use.
        reporter: hears how it goes.

    Returns:
        The checkpoint, and where it comes from as plain data.

    Raises:
        DrivsegError: if training fails, or the folder holds a run of another recipe.
    """
    from drivseg_ros.lab.training.run_folder import RunFolder

    run = RunFolder(folder)
    finished = is_finished(recipe, run.facts, len(run.rows()), run.best)
    if not finished:
        resume = run.facts.exists()
        reporter.say(f'{recipe.name}: {"goes on" if resume else "begins"}, {recipe.epochs} epochs')
        _train(recipe, folder, means, resume, reporter)
    provenance = read_model_file(run.best).card.provenance
    return run.best, {
        'source': 'a finished run' if finished else 'trained',
        **training_facts(provenance),
    }


def training_facts(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What the card of a checkpoint that `drivseg train` made says of its training."""
    return {
        'epochs': provenance.get('epoch'),
        'training_seconds': provenance.get('training_seconds'),
        'trained_on': provenance.get('device'),
        'recipe': provenance.get('recipe'),
    }


def is_finished(recipe: Recipe, facts: Path, epochs: int, best: Path) -> bool:
    """Whether a folder holds a whole run of a recipe.

    Args:
        recipe: the recipe.
        facts: the file that says what the run is.
        epochs: how many it has done.
        best: its best checkpoint.
    """
    if epochs < recipe.epochs or not best.is_file():
        return False
    try:
        before = read_json(facts, 'the facts of a run')['facts']['recipe']
    except (DataError, KeyError, TypeError):
        return False
    return bool(before == plain_recipe(recipe))


@dataclass(frozen=True)
class _Request:
    """A training for the process that does it."""

    recipe: Recipe
    output: Path
    resume: bool
    means: Means


def _train(recipe: Recipe, folder: Path, means: Means, resume: bool, reporter: Reporter) -> None:
    def pass_on(note: Mapping[str, Any]) -> None:
        getattr(reporter, note['what'])(*note['arguments'])

    with Worker(f'the training of {recipe.name}', _MODULE) as worker:
        worker.ask(_Request(recipe, folder, resume, means), on_note=pass_on)


class _Notes:
    """A reporter that sends all it hears to the parent."""

    def __init__(self, note: OnNote) -> None:
        self._note = note

    def say(self, text: str) -> None:
        self._note({'what': 'say', 'arguments': [text]})

    def step(self, epoch: int, step: int, steps: int) -> None:
        self._note({'what': 'step', 'arguments': [epoch, step, steps]})

    def epoch(self, row: Mapping[str, float], best: bool) -> None:
        metrics = {name: float(value) for name, value in row.items()}
        self._note({'what': 'epoch', 'arguments': [metrics, bool(best)]})


def _handle(request: _Request, note: OnNote) -> None:
    from drivseg_ros.lab.training.run import train

    try:
        train(
            request.recipe,
            request.output,
            resume=request.resume,
            reporter=_Notes(note),
            **vars(request.means),
        )
    except KeyboardInterrupt:
        raise TrainingError('it was interrupted; compare again, and it goes on') from None


if __name__ == '__main__':
    serve(_handle, _Request)
