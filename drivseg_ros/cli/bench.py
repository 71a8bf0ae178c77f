# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg bench`: figures of this machine, with what they were measured on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from drivseg_ros.cli.console import out, progress_bar
from drivseg_ros.cli.options import Device, EngineName, Model, Precision, Threads
from drivseg_ros.errors import MissingDependencyError, ParameterError
from drivseg_ros.model_store import DEFAULT_MODEL

app = typer.Typer(help='Measure on this machine.', no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure on this machine."""


@app.command()
def node(
    model: Model = DEFAULT_MODEL,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    size: Annotated[
        list[str] | None,
        typer.Option(help='WIDTHxHEIGHT; may be given several times.', show_default=False),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help='Runs for each size.')] = 100,
    output: Annotated[Path | None, typer.Option(help='Write the figures as JSON.')] = None,
) -> None:
    """Compare the node with the bare engine: message in hand to mask published.

    Also its CPU share and memory with images coming through DDS at 10 Hz. The table is Markdown.
    """
    try:
        from drivseg_ros.node.benchmark import SIZES, benchmark_node, markdown_table
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f'this needs the Python package {error.name!r}; source the setup.bash of your ROS 2, '
            "or pip install 'drivseg_ros[ros]'"
        ) from None
    sizes = [_parse_size(text) for text in size] if size else SIZES
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
            frames=frames,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    out.print(markdown_table(report), markup=False, soft_wrap=True)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(report, indent=2) + '\n')
        out.print(f'  {output}', markup=False)


def _parse_size(text: str) -> tuple[int, int]:
    width, _, height = text.partition('x')
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise ParameterError(f'the size {text!r} is not understood; write it like 1280x720')
    return int(width), int(height)
