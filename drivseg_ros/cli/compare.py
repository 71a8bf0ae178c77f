# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg compare`: networks beside each other in one table."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from drivseg_ros.base.interruption import exit_status, orderly_end
from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli import completion
from drivseg_ros.cli.console import err, out, print_path, progress_bar
from drivseg_ros.cli.options import (
    SIZE,
    Cache,
    DataFolder,
    Device,
    EngineSpecs,
    Labels,
    Limit,
    Overwrite,
    RecipeChanges,
    Runs,
    Threads,
    Workers,
    loading_processes,
    parse_size,
)
from drivseg_ros.engines.base import MAX_THREADS
from drivseg_ros.errors import ParameterError

_TABLE, _REPORT, _PLOT = 'comparison.md', 'comparison.json', 'comparison.png'


def compare(
    networks: Annotated[
        list[str],
        typer.Argument(
            metavar='MODEL|CHECKPOINT|RECIPE',
            help='Models (names or .onnx), checkpoints (.safetensors) and recipes (.yaml, such as '
            'the ready unet_bdd100k.yaml).',
            autocompletion=completion.networks,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option('--output', '-o', help='Folder for the tables, the runs and their models.'),
    ],
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar='FRAMES',
            help='Frames to evaluate on: KIND[:PART]=ROOT[,OPTION=VALUE...]; repeatable.',
            show_default='what the recipes hold out',
        ),
    ] = None,
    labels: Labels = None,
    data_folder: DataFolder = None,
    changes: RecipeChanges = None,
    limit: Limit = None,
    device: Device = 'auto',
    train_threads: Annotated[
        int, typer.Option(min=0, max=MAX_THREADS, help='CPU threads of training; 0: all.')
    ] = 0,
    workers: Workers = None,
    cache: Cache = None,
    evaluation_device: Annotated[
        str, typer.Option(help='Device of the evaluation by onnxruntime: cpu, or cuda.')
    ] = 'cpu',
    engine: EngineSpecs = None,
    no_times: Annotated[bool, typer.Option('--no-times', help='Measure no times.')] = False,
    threads: Threads = 2,
    size: Annotated[str, typer.Option(metavar='WIDTHxHEIGHT', help=SIZE)] = '1280x720',
    runs: Runs = 50,
    overwrite: Overwrite = False,
) -> None:
    """Train or load networks, and evaluate all on the same frames.

    A name is a model; what ends in .yaml is a recipe, which is trained in OUTPUT/runs. A finished
    run there is loaded, an unfinished one continues. Writes comparison.md, .json and .png. Times
    are those of onnxruntime on the CPU and the GPU, or of each --engine. A network that fails is
    reported, the others go on, and the exit status is 1.
    """
    files = [output / name for name in (_TABLE, _REPORT, _PLOT)]
    check_output_files(files, overwrite=overwrite)
    from drivseg_ros.engines.onnxruntime_session import CUDA, choose_gpu
    from drivseg_ros.lab.comparing.candidates import find_candidates, find_measured_sets
    from drivseg_ros.lab.comparing.compare import Timing
    from drivseg_ros.lab.comparing.compare import compare as run
    from drivseg_ros.lab.comparing.plot import draw_plot
    from drivseg_ros.lab.comparing.report import write
    from drivseg_ros.lab.comparing.runs import Means
    from drivseg_ros.lab.comparing.speed import parse_specs

    candidates = find_candidates(networks, overrides=changes or ())
    if changes and not any(one.recipe is not None for one in candidates):
        raise ParameterError('--set changes recipes, and none was given; leave it out')
    width, height = parse_size(size)
    if evaluation_device not in ('auto', 'cpu'):
        choose_gpu(evaluation_device, CUDA, 'onnxruntime')
    specs = () if no_times else parse_specs(engine)
    timing = Timing(specs, width, height, runs, threads)
    sets = find_measured_sets(data or (), candidates, data=data_folder, labels=labels, limit=limit)
    try:
        with progress_bar() as progress, orderly_end():
            task = progress.add_task('', total=None)
            report = run(
                candidates,
                sets,
                output,
                means=Means(data_folder, device, train_threads, loading_processes(workers), cache),
                timing=timing,
                device=evaluation_device,
                reporter_of=lambda title: _Reporter(title, progress, task),
                on_progress=lambda what, done, total: progress.update(
                    task, description=what, completed=done, total=total
                ),
            )
    except KeyboardInterrupt as interrupt:
        err.print(
            'interrupted; the same command takes up the runs that were begun, and trains none '
            'twice',
            markup=False,
            soft_wrap=True,
        )
        raise typer.Exit(exit_status(interrupt)) from None
    report['command'] = shlex.join(['drivseg', *sys.argv[1:]])
    text = write(report, output / _TABLE, output / _REPORT)
    drawn = draw_plot(report, output / _PLOT)
    out.print(text, markup=False, soft_wrap=True)
    for name in (_TABLE, _REPORT, *([_PLOT] if drawn else [])):
        print_path(output / name)
    failed = [row for row in report['rows'] if row['problem']]
    for row in failed:
        err.print(f'{row["title"]} failed: {row["problem"]}', markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


class _Reporter:
    """Shows a training in the bar, and its epochs as lines."""

    def __init__(self, title: str, progress: Progress, task: TaskID) -> None:
        self._title = title
        self._progress = progress
        self._task = task

    def say(self, text: str) -> None:
        err.print(text, markup=False, soft_wrap=True)

    def step(self, epoch: int, step: int, steps: int) -> None:
        self._progress.update(
            self._task, description=f'{self._title}, epoch {epoch}', completed=step, total=steps
        )

    def epoch(self, row: Mapping[str, float], best: bool) -> None:
        metrics = ', '.join(
            f'{name} {row[name]:.4f}' for name in ('train_loss', 'dice_loss') if name in row
        )
        err.print(
            f'{self._title}, epoch {row["epoch"]:.0f}: {metrics}' + (', the best' if best else ''),
            markup=False,
            soft_wrap=True,
        )
