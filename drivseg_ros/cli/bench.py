# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg bench`: measurements of this machine, with what they were measured on."""

from __future__ import annotations

from typing import Annotated

import typer

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli import completion
from drivseg_ros.cli.bench_graph import graph
from drivseg_ros.cli.console import err, out, progress_bar, write_json
from drivseg_ros.cli.options import (
    CAMERA_SIZES,
    Device,
    EngineName,
    EngineSpecs,
    JsonFile,
    Model,
    Overwrite,
    Precision,
    Runs,
    Sizes,
    Threads,
    parse_size,
)
from drivseg_ros.engines.base import MAX_BATCH
from drivseg_ros.engines.registry import RUNTIMES
from drivseg_ros.engines.spec import EngineSpec
from drivseg_ros.errors import EngineError, MissingDependencyError
from drivseg_ros.model.file import ModelFile
from drivseg_ros.model.store import DEFAULT_MODEL

_SIZES = ['1280x720']

app = typer.Typer(help='Measure engines and nodes on this machine.', no_args_is_help=True)
app.command()(graph)


@app.callback()
def bench() -> None:
    """Measure engines and nodes on this machine."""


@app.command()
def node(
    model: Model = DEFAULT_MODEL,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    size: Sizes = CAMERA_SIZES,
    runs: Runs = 100,
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Compare the node with the bare engine.

    Times run from the message received to the mask published. Also its CPU share and memory with
    images coming over DDS at 10 Hz. The table is Markdown.
    """
    check_output_files([json], overwrite=overwrite)
    from drivseg_ros.node.freed_memory import keep_freed_memory

    keep_freed_memory()  # as the program of the node does
    try:
        from drivseg_ros.bench.node import benchmark_node, markdown_table
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f'this needs the Python package {error.name!r}; source the setup.bash of your ROS 2, '
            f'or {install_hint("ros")}'
        ) from None
    sizes = [parse_size(text) for text in size]
    with progress_bar() as progress:
        task = progress.add_task('runs', total=None)
        report = benchmark_node(
            parameters={
                'model': model,
                'engine': engine,
                'device': device,
                'precision': precision,
                'threads': threads,
            },
            sizes=sizes,
            frames=runs,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    out.print(markdown_table(report), markup=False, soft_wrap=True)
    write_json(json, report)


@app.command()
def ground(
    size: Sizes = CAMERA_SIZES,
    runs: Runs = 100,
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure drivable space in metres: grid, scan, points.

    From a mask to each output, CPU time on one core. The table is Markdown.
    """
    check_output_files([json], overwrite=overwrite)
    from drivseg_ros.bench.ground import benchmark_ground, markdown_table

    with progress_bar() as progress:
        task = progress.add_task('runs', total=None)
        report = benchmark_ground(
            sizes=[parse_size(text) for text in size],
            runs=runs,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    out.print(markdown_table(report), markup=False, soft_wrap=True)
    write_json(json, report)


@app.command()
def engine(
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar='MODEL[=ENGINE]',
            help='Model, or a model with an engine of its own (int8.onnx=openvino); repeatable.',
            show_default=DEFAULT_MODEL,
            autocompletion=completion.models,
        ),
    ] = None,
    engine: EngineSpecs = None,
    device: Device = 'cpu',
    threads: Threads = 0,
    batch: Annotated[
        list[int] | None,
        typer.Option(min=1, max=MAX_BATCH, help='Batch size; repeatable.', show_default='1'),
    ] = None,
    size: Sizes = _SIZES,
    runs: Runs = 100,
    bare: Annotated[
        bool, typer.Option('--bare', help='Measure also bare calls of the runtimes.')
    ] = False,
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Compare engines, precisions, batch and image sizes.

    Times, images per second and memory. All configurations take turns, each in a process of its
    own. `infer` is the engine on a batch of the network's size, `segment` is from images to masks
    of their size. The table is Markdown. Without --engine: all engines that are installed and run
    the model without building anything. The exit status is 1 if a configuration cannot be run.
    """
    check_output_files([json], overwrite=overwrite)
    from drivseg_ros.bench.bare_runtimes import BARE
    from drivseg_ros.bench.engine import Choice, benchmark_engines
    from drivseg_ros.bench.engine_table import markdown_table
    from drivseg_ros.model.store import find_model

    asked = [EngineSpec.parse(text, device=device) for text in engine or ()]
    named = [
        EngineSpec.parse_model(text, default=asked, device=device)
        for text in model or [DEFAULT_MODEL]
    ]
    choices = [
        Choice(file, spec, count, is_bare)
        for file, specs in [(find_model(name), specs) for name, specs in named]
        for count in batch or [1]
        for spec in specs or _default_specs(file, device)
        for is_bare in ([False, True] if bare and spec.engine in BARE else [False])
    ]
    with progress_bar() as progress:
        task = progress.add_task('steps', total=None)
        report = benchmark_engines(
            choices,
            sizes=[parse_size(text) for text in size],
            runs=runs,
            threads=threads,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    out.print(markdown_table(report), markup=False, soft_wrap=True)
    write_json(json, report)
    problems = [row for row in report['rows'] if row['problem']]
    for row in problems:
        name = f'{row["engine"]["file"]} on {row["engine"]["engine"]}, batch {row["batch"]}'
        err.print(f'cannot be run: {name}: {row["problem"]}', markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)


def _default_specs(model: ModelFile, device: str) -> list[EngineSpec]:
    """The engines that are installed and run the model on the device without building anything."""
    kind = device.partition(':')[0]
    specs = []
    for name, runtime in RUNTIMES.items():
        ready = runtime.precisions.keys() - runtime.builds
        suits = ready if kind == 'auto' else kind in ready
        if runtime.is_installed and runtime.runs(model) and suits:
            specs.append(EngineSpec(name, device=device))
    if not specs:
        raise EngineError(
            f'no engine that is installed runs {model.path} on {device!r} without building '
            'something first; name engines with --engine'
        )
    return specs
