# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command `drivseg` and its subcommands, each a file beside this one."""

from __future__ import annotations

from typing import Annotated

import typer

import drivseg_ros
from drivseg_ros.cli import bag, bench, dataset, engine, ground, models, report
from drivseg_ros.cli.command_group import CommandGroup
from drivseg_ros.cli.compare import compare
from drivseg_ros.cli.console import out
from drivseg_ros.cli.demo import demo
from drivseg_ros.cli.doctor import doctor
from drivseg_ros.cli.evaluate import evaluate
from drivseg_ros.cli.explain import explain
from drivseg_ros.cli.export import export
from drivseg_ros.cli.import_network import import_network
from drivseg_ros.cli.parity import parity
from drivseg_ros.cli.play import play
from drivseg_ros.cli.quantize import quantize
from drivseg_ros.cli.record import record
from drivseg_ros.cli.replay import replay
from drivseg_ros.cli.segment import segment
from drivseg_ros.cli.status import status
from drivseg_ros.cli.train import train

app = typer.Typer(
    name='drivseg',
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode='markdown',  # whose paragraphs are wrapped to the console
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(doctor)
app.add_typer(models.app, name='models')
app.add_typer(bag.app, name='bag')
app.command()(train)
app.command('import')(import_network)
app.command()(export)
app.add_typer(dataset.app, name='dataset')
app.add_typer(engine.app, name='engine')
app.command()(segment)
app.add_typer(ground.app, name='ground')
app.command()(explain)
app.command()(compare)
app.command()(evaluate)
app.add_typer(report.app, name='report')
app.command()(replay)
app.command()(status)
app.command()(play)
app.command()(record)
app.command()(parity)
app.command()(quantize)
app.add_typer(bench.app, name='bench')


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(drivseg_ros.__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option('--version', help='Print the version.', callback=_print_version)
    ] = False,
) -> None:
    """Road segmentation for ROS 2: camera images in, class masks and overlays out.

    The exit status is 0 if all that was asked for was done, 1 if something failed, 2 if the command
    line is wrong, 130 after Ctrl-C. DRIVSEG_TRACEBACK=1 prints the traceback of an error.
    """
