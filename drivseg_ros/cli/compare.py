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
from drivseg_ros.cli.console import err, out, progress_bar
from drivseg_ros.cli.options import DataFolder, loading_processes, parse_size
from drivseg_ros.cli.output_file import check_writable
from drivseg_ros.engines.base import MAX_THREADS
from drivseg_ros.errors import ParameterError

_TABLE, _REPORT, _PLOT = 'comparison.md', 'comparison.json', 'comparison.png'


def compare(
    networks: Annotated[
        list[str],
        typer.Argument(
            metavar='RECIPE|CHECKPOINT|MODEL...',
            help='Recipes (.yaml, or names of ready ones), checkpoints (.safetensors), and models '
            '(.onnx, or names that `drivseg models` lists).',
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            '--output', '-o', help='The folder for the tables, runs/ and models/; may be there.'
        ),
    ],
    on: Annotated[
        list[str] | None,
        typer.Option(
            metavar='KIND[:PART][=ROOT][,OPTION=VALUE...]',
            help='A data set to measure on (`drivseg dataset kinds`); ${data} stands for --data. '
            'May be given several times; what the recipes hold out without it.',
            show_default=False,
        ),
    ] = None,
    data: DataFolder = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            '--set',
            metavar='KEY=VALUE',
            help='Change all recipes, such as epochs=2; may be given several times.',
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help='Measure on so many frames of each data set only.')
    ] = None,
    device: Annotated[
        str, typer.Option(help='What is trained on: auto, cpu, cuda or cuda:INDEX.')
    ] = 'auto',
    train_threads: Annotated[
        int, typer.Option(min=0, max=MAX_THREADS, help='CPU threads of training; 0: all.')
    ] = 0,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=64,
            help='Processes that load frames in training; as the CPUs allow without it.',
            show_default=False,
        ),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help='Keep decoded frames here, for all runs.')
    ] = None,
    measure_device: Annotated[
        str, typer.Option(help='What onnxruntime measures the figures on: cpu, or cuda.')
    ] = 'cpu',
    engines: Annotated[
        str | None,
        typer.Option(
            help='What is timed: ENGINE, then :PRECISION and @DEVICE if need be, commas between '
            'several; none for no times. Without it: onnxruntime on the CPU and, where there is '
            'one, on the GPU.',
            show_default=False,
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=0, max=MAX_THREADS, help='CPU threads when times are taken.')
    ] = 2,
    size: Annotated[str, typer.Option(help='WIDTHxHEIGHT of the images timed.')] = '1280x720',
    runs: Annotated[int, typer.Option(min=1, help='Runs of each when times are taken.')] = 50,
) -> None:
    """Train or load networks, measure all on the same held-out frames, and write one table.

    A recipe is trained in OUTPUT/runs; a finished run there is loaded, an unfinished one goes on.
    Writes comparison.md, comparison.json and comparison.png. A network that fails is named, the
    others go on, and the exit status is 1.
    """
    from drivseg_ros.engines.onnxruntime_session import CUDA, choose_gpu
    from drivseg_ros.lab.comparing.candidates import find_candidates, find_judges
    from drivseg_ros.lab.comparing.compare import Timing
    from drivseg_ros.lab.comparing.compare import compare as run
    from drivseg_ros.lab.comparing.plot import draw_plot
    from drivseg_ros.lab.comparing.report import write
    from drivseg_ros.lab.comparing.runs import Means
    from drivseg_ros.lab.comparing.speed import parse_specs

    for name in (_TABLE, _REPORT, _PLOT):
        check_writable(output / name)
    candidates = find_candidates(networks, overrides=change or ())
    if change and not any(one.recipe is not None for one in candidates):
        raise ParameterError('--set changes recipes, and none was given; leave it out')
    width, height = parse_size(size)
    if measure_device not in ('auto', 'cpu'):
        choose_gpu(measure_device, CUDA, 'onnxruntime')
    timing = Timing(parse_specs(engines), width, height, runs, threads)
    judges = find_judges(on or (), candidates, data=data, limit=limit)
    try:
        with progress_bar() as progress, orderly_end():
            task = progress.add_task('', total=None)
            report = run(
                candidates,
                judges,
                output,
                means=Means(data, device, train_threads, loading_processes(workers), cache),
                timing=timing,
                device=measure_device,
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
        out.print(f'  {output / name}', markup=False, soft_wrap=True)
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
        figures = ', '.join(
            f'{name} {row[name]:.4f}' for name in ('train_loss', 'dice_loss') if name in row
        )
        err.print(
            f'{self._title}, epoch {row["epoch"]:.0f}: {figures}' + (', the best' if best else ''),
            markup=False,
            soft_wrap=True,
        )
