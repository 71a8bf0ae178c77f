# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg train`: a network from a recipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivseg_ros.base.interruption import exit_status, orderly_end
from drivseg_ros.cli.console import err, out
from drivseg_ros.cli.options import DataFolder, loading_processes
from drivseg_ros.cli.training_progress import TrainingProgress

if TYPE_CHECKING:
    from drivseg_ros.lab.training.recipe import Recipe

RUNS = Path('runs')
_SHOWN = ('miou', 'drivable_iou', 'road_iou', 'pixel_accuracy')


def train(
    recipe: Annotated[
        str,
        typer.Argument(help='A YAML file, or the name of a ready recipe (see docs/recipes.md).'),
    ],
    output: Annotated[
        Path | None, typer.Option('--output', '-o', help='The folder of the run. [runs/NAME]')
    ] = None,
    data: DataFolder = None,
    resume: Annotated[
        bool, typer.Option('--resume', help='Go on with the run that is in the folder.')
    ] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option('--set', metavar='KEY=VALUE', help='Change a key of the recipe; repeatable.'),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="The recipe's epochs.")] = None,
    batch: Annotated[int | None, typer.Option(help="The recipe's batch.")] = None,
    accumulate: Annotated[int | None, typer.Option(help="The recipe's accumulate.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="The recipe's precision: 32, bf16-mixed or 16-mixed.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="The recipe's weights: imagenet, none, or a .safetensors.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The recipe's seed.")] = None,
    limit_batches: Annotated[
        int | None, typer.Option(help="The recipe's limit_batches: batches an epoch at most.")
    ] = None,
    device: Annotated[str, typer.Option(help='auto, cpu, cuda or cuda:INDEX.')] = 'auto',
    devices: Annotated[int, typer.Option(min=1, help='How many, a batch each.')] = 1,
    workers: Annotated[
        int | None, typer.Option(min=0, help='Processes that load frames. [as CPUs allow]')
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0: torch's number.")] = 0,
    cache: Annotated[
        Path | None, typer.Option(help='A folder to keep decoded frames in; runs may share it.')
    ] = None,
    mlflow_uri: Annotated[
        str | None, typer.Option(help='An MLflow server. [a local store beside the run]')
    ] = None,
    no_mlflow: Annotated[
        bool, typer.Option('--no-mlflow', help='Keep the run out of MLflow.')
    ] = False,
) -> None:
    """Train a network by a recipe; an interrupted run goes on with --resume."""
    # Threads that spin while they wait take the CPU from the loading processes; OpenMP reads this
    # once, when torch is imported.
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    from drivseg_ros.lab.training.recipe_file import read_recipe

    given = {
        'epochs': epochs,
        'batch': batch,
        'accumulate': accumulate,
        'precision': precision,
        'weights': weights,
        'seed': seed,
        'limit_batches': limit_batches,
    }
    options = [f'{key}={_quoted(value)}' for key, value in given.items() if value is not None]
    read = read_recipe(recipe, [*(changes or []), *options])
    folder = output or RUNS / read.name
    try:
        with orderly_end():
            _run(
                read,
                folder,
                data=data,
                resume=resume,
                device=device,
                devices=devices,
                workers=loading_processes(workers),
                threads=threads,
                cache=cache,
                mlflow=_store(folder, mlflow_uri, no_mlflow),
            )
    except KeyboardInterrupt as interrupt:
        begun = (folder / 'run.json').exists()
        how = f'the same command with --resume goes on behind the last epoch in {folder}'
        err.print(
            f'interrupted; {how if begun else "the run had not begun"}',
            markup=False,
            soft_wrap=True,
        )
        raise typer.Exit(exit_status(interrupt)) from None


def _run(recipe: Recipe, folder: Path, **options: object) -> None:
    from drivseg_ros.lab.training.run import train as train_network

    with TrainingProgress(recipe.epochs) as progress:
        result = train_network(recipe, folder, reporter=progress, **options)  # type: ignore[arg-type]
    if int(os.environ.get('LOCAL_RANK', 0)):
        return  # one of several processes, whose first one speaks for all
    figures = ', '.join(
        f'{name} {value:.4f}'
        for name, value in result.figures.items()
        if name.rpartition('/')[2] in _SHOWN
    )
    out.print(
        f'{result.best}: epoch {result.figures["epoch"]:.0f} of {recipe.epochs} is the best, dice '
        f'loss {result.figures["dice_loss"]:.4f}, {figures}',
        markup=False,
        soft_wrap=True,
    )


def _store(folder: Path, uri: str | None, off: bool) -> str | None:
    """The MLflow store: the one named, else a local one where MLflow is installed."""
    from drivseg_ros.errors import ParameterError
    from drivseg_ros.lab.training.tracking import has_mlflow, local_store

    if off and uri is not None:
        raise ParameterError('--mlflow-uri and --no-mlflow are both given; give one of them')
    if off or (uri is None and not has_mlflow()):
        return None
    return local_store(folder.parent) if uri is None else uri


def _quoted(value: object) -> str:
    """As YAML reads it back: a text stays a text."""
    if not isinstance(value, str):
        return str(value)
    doubled = value.replace("'", "''")
    return f"'{doubled}'"
