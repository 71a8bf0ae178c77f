# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg train`: a network from a recipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivseg_ros.base.interruption import exit_status, orderly_end
from drivseg_ros.cli import completion
from drivseg_ros.cli.console import err, out
from drivseg_ros.cli.options import (
    Cache,
    DataFolder,
    Device,
    Overwrite,
    RecipeChanges,
    Threads,
    Workers,
    loading_processes,
)
from drivseg_ros.cli.training_progress import TrainingProgress
from drivseg_ros.errors import ParameterError

if TYPE_CHECKING:
    from drivseg_ros.lab.training.recipe import Recipe

RUNS = Path('runs')
_SHOWN = ('miou', 'drivable_iou', 'road_iou', 'pixel_accuracy')


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            help='Recipe: a .yaml file, or the name of a ready one (docs/recipes.md).',
            autocompletion=completion.recipes,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option('--output', '-o', help='Folder of the run.', show_default='runs/NAME'),
    ] = None,
    data_folder: DataFolder = None,
    changes: RecipeChanges = None,
    resume: Annotated[bool, typer.Option('--resume', help='Continue what is in --output.')] = False,
    overwrite: Overwrite = False,
    device: Device = 'auto',
    devices: Annotated[
        int, typer.Option(min=1, help='Number of GPUs, each with a batch of its own.')
    ] = 1,
    workers: Workers = None,
    threads: Threads = 0,
    cache: Cache = None,
    mlflow_uri: Annotated[
        str | None,
        typer.Option(help='MLflow tracking server.', show_default='a local store beside the run'),
    ] = None,
    no_mlflow: Annotated[
        bool, typer.Option('--no-mlflow', help='Do not track the run with MLflow.')
    ] = False,
) -> None:
    """Train a network by a recipe.

    Ctrl-C ends it early; the same command with --resume continues after the last whole epoch.
    """
    if resume and overwrite:
        raise ParameterError('--resume and --overwrite are both given; give one of them')
    # Threads that spin while they wait take the CPU from the loading processes; OpenMP reads this
    # once, when torch is imported.
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    from drivseg_ros.lab.training.recipe_file import read_recipe

    read = read_recipe(recipe, changes or [])
    folder = output or RUNS / read.name
    try:
        with orderly_end():
            _run(
                read,
                folder,
                data=data_folder,
                resume=resume,
                overwrite=overwrite,
                device=device,
                devices=devices,
                workers=loading_processes(workers),
                threads=threads,
                cache=cache,
                mlflow=_store(folder, mlflow_uri, no_mlflow),
            )
    except KeyboardInterrupt as interrupt:
        begun = (folder / 'run.json').exists()
        how = f'the same command with --resume continues after the last epoch in {folder}'
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
    metrics = ', '.join(
        f'{name} {value:.4f}'
        for name, value in result.metrics.items()
        if name.rpartition('/')[2] in _SHOWN
    )
    out.print(
        f'{result.best}: epoch {result.metrics["epoch"]:.0f} of {recipe.epochs} is the best, dice '
        f'loss {result.metrics["dice_loss"]:.4f}, {metrics}',
        markup=False,
        soft_wrap=True,
    )


def _store(folder: Path, uri: str | None, off: bool) -> str | None:
    """The MLflow store: the one named, else a local one where MLflow is installed."""
    from drivseg_ros.lab.training.tracking import has_mlflow, local_store

    if off and uri is not None:
        raise ParameterError('--mlflow-uri and --no-mlflow are both given; give one of them')
    if off or (uri is None and not has_mlflow()):
        return None
    return local_store(folder.parent) if uri is None else uri
