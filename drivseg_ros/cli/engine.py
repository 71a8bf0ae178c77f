# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg engine`: build engines ahead of time, list and remove what was built."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from drivseg_ros.cli.console import err, out
from drivseg_ros.cli.options import Device, ModelArgument, Precision
from drivseg_ros.engines.base import MAX_BATCH, BuildProgress, EngineOptions, OnProgress
from drivseg_ros.engines.registry import RUNTIMES
from drivseg_ros.errors import EngineError

if TYPE_CHECKING:
    from drivseg_ros.engines.plan_pruning import StoredPlan
    from drivseg_ros.model.file import ModelFile

app = typer.Typer(help='Build engines ahead of time, list and remove them.', no_args_is_help=True)

_BUILDING = tuple(name for name, runtime in RUNTIMES.items() if runtime.builds)


def _building_engines(incomplete: str) -> list[str]:
    return [name for name in _BUILDING if name.startswith(incomplete)]


@app.command()
def build(
    model: ModelArgument,
    engine: Annotated[
        str,
        typer.Option(
            '--engine', help=f'One of {", ".join(_BUILDING)}.', autocompletion=_building_engines
        ),
    ] = 'tensorrt',
    precision: Precision = 'auto',
    max_batch: Annotated[
        int, typer.Option(min=1, max=MAX_BATCH, help='Largest batch: cameras run at once.')
    ] = 1,
    device: Device = 'auto',
    compute_capability: Annotated[
        str | None,
        typer.Option(
            help='Compute capability to build for, such as 8.9; tensorrt_rtx only.',
            show_default='of the GPU here',
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option('--verbose', help='Print the detailed log of the builder.')
    ] = False,
) -> None:
    """Build an engine ahead of time, so that no node waits for it."""
    from drivseg_ros.model.store import find_model

    if engine not in _BUILDING:
        raise EngineError(
            f'engine {engine!r} has nothing to build; those that have are: {", ".join(_BUILDING)}'
        )
    found = find_model(model)
    options = EngineOptions(device=device, precision=precision, max_batch=max_batch)
    if engine == 'tensorrt':
        _build_tensorrt(found, options, compute_capability or '', verbose)
        return
    if compute_capability is not None:
        raise EngineError(
            '--compute-capability is for engine tensorrt; '
            f'{engine} builds for the device that is here'
        )
    _build_by_running(found, engine, options)


@app.command('list')
def list_engines() -> None:
    """List the engines that were built, and which can be removed."""
    from drivseg_ros.engines.plan_cache import PlanCache, megabytes
    from drivseg_ros.engines.plan_pruning import list_folders, list_plans, obsolete_because

    cache = PlanCache()
    plans, folders = list_plans(cache), list_folders(cache)
    if not plans and not folders:
        out.print(f'No engines in {cache.directory}.', markup=False, soft_wrap=True)
        return
    for plan in plans:
        out.print(_name(plan), style='bold', markup=False, soft_wrap=True)
        used = datetime.datetime.fromtimestamp(plan.used).isoformat(' ', 'minutes')
        out.print(
            f'    {megabytes(plan.size)}, used {used}, {plan.path.name}',
            markup=False,
            soft_wrap=True,
        )
        reason = obsolete_because(plan)
        if reason:
            out.print(f'    of no use: {reason}', markup=False, soft_wrap=True)
    for folder, size in folders.items():
        out.print(f'{folder.name}: {megabytes(size)} of its own', markup=False, soft_wrap=True)
    total = sum(plan.size for plan in plans) + sum(folders.values())
    out.print(f'{megabytes(total)} in {cache.directory}', markup=False, soft_wrap=True)


@app.command()
def prune(
    older_than: Annotated[
        float | None,
        typer.Option(
            min=0, help='Remove engines not used for so many days, too.', show_default=False
        ),
    ] = None,
    everything: Annotated[bool, typer.Option('--all', help='Remove all engines.')] = False,
    dry_run: Annotated[
        bool, typer.Option('--dry-run', help='Only list what would be removed.')
    ] = False,
) -> None:
    """Remove engines that nothing can use any more."""
    from drivseg_ros.engines.plan_cache import PlanCache, megabytes
    from drivseg_ros.engines.plan_pruning import find_removals, remove

    cache = PlanCache()
    removals = find_removals(cache, unused_days=older_than, everything=everything)
    if not dry_run:
        remove(removals)
    table = Table(Column('file', no_wrap=True), 'size', 'why', box=None)
    for removal in removals:
        table.add_row(escape(removal.path.name), megabytes(removal.size), escape(removal.reason))
    if removals:
        out.print(table)
    what = 'would be removed' if dry_run else 'removed'
    total = megabytes(sum(removal.size for removal in removals))
    out.print(
        f'{len(removals)} files, {total}, {what} in {cache.directory}',
        markup=False,
        soft_wrap=True,
    )


def _build_tensorrt(
    model: ModelFile, options: EngineOptions, compute_capability: str, verbose: bool
) -> None:
    from drivseg_ros.engines.plan_cache import PlanCache
    from drivseg_ros.engines.registry import check_runs
    from drivseg_ros.engines.tensorrt_library import load_tensorrt
    from drivseg_ros.engines.tensorrt_plan import choose_target, get_plan, plan_key

    check_runs(RUNTIMES['tensorrt'], model)
    library = load_tensorrt()
    target = choose_target(library, options.device, compute_capability)
    key = plan_key(model, options, library, target)
    cache = PlanCache()
    there = cache.load(key) is not None
    started = time.monotonic()
    if not there:
        with _progress() as on_progress:
            get_plan(
                model,
                key,
                target,
                cache=cache,
                on_progress=on_progress,
                on_line=_print_line if verbose else None,
                verbose=verbose,
            )
    took = f'built in {time.monotonic() - started:.1f} s'
    _print_plan(cache.path(key), str(key), 'was built before' if there else took)
    if there and verbose:
        _print_log(cache.log_path(key))


def _build_by_running(model: ModelFile, name: str, options: EngineOptions) -> None:
    import numpy as np

    from drivseg_ros.engines import create_engine

    card = model.card
    started = time.monotonic()
    with _progress() as on_progress:
        engine = create_engine(name, model, options, on_progress=on_progress)
        try:
            sizes = [model.batch] if model.batch else range(1, options.max_batch + 1)
            for n in sizes:
                shape = (n, card.input_height, card.input_width, 3)
                engine.infer(np.zeros(shape, np.uint8), confidence=True)
        finally:
            engine.close()
    kept = '' if engine.device != 'cpu' else '; nothing is kept of it, since it takes so little'
    out.print(
        f'{name} is ready for {card.name} on {engine.device}, {engine.precision}, after '
        f'{time.monotonic() - started:.1f} s{kept}',
        markup=False,
        soft_wrap=True,
    )


def _print_plan(path: Path, name: str, how: str) -> None:
    from drivseg_ros.engines.plan_cache import megabytes

    out.print(name, style='bold', markup=False, soft_wrap=True)
    out.print(f'    {megabytes(path.stat().st_size)}, {how}', markup=False, soft_wrap=True)
    out.print(f'    {path}', markup=False, soft_wrap=True)


def _print_line(line: str) -> None:
    err.print(line, markup=False, soft_wrap=True, style='dim')


def _print_log(path: Path) -> None:
    for line in path.read_text(errors='replace').splitlines() if path.exists() else ():
        _print_line(line)


def _name(plan: StoredPlan) -> str:
    return plan.path.name if plan.header is None else str(plan.header.key)


@contextmanager
def _progress() -> Iterator[OnProgress]:
    """A bar on stderr; where that is no terminal, one line a step."""
    if not err.is_terminal:
        printed: list[str] = []

        def print_step(progress: BuildProgress) -> None:
            if progress.step not in printed:
                printed.append(progress.step)
                err.print(progress.step, markup=False, soft_wrap=True)

        yield print_step
        return
    columns = (TextColumn('{task.description}'), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as bar:
        task = bar.add_task('starting', total=1.0)

        def show(progress: BuildProgress) -> None:
            bar.update(task, description=escape(progress.step), completed=progress.fraction)

        yield show
