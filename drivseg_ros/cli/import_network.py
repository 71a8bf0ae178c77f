# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg import`: bring somebody else's network into the form that every engine runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from drivseg_ros.cli import completion
from drivseg_ros.cli.console import err, out
from drivseg_ros.cli.options import Overwrite, parse_size


def import_network(
    network: Annotated[
        Path | None,
        typer.Argument(help='An .onnx file, or the .xml of an OpenVINO IR.', show_default=False),
    ] = None,
    card: Annotated[
        str | None,
        typer.Option(
            help='Import card: a YAML file, or a name listed by --list.',
            show_default=False,
            autocompletion=completion.import_cards,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option('--output', '-o', help='Model file to write, .onnx.', show_default=False),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar='WIDTHxHEIGHT',
            help='Size of the input, where the network leaves it free.',
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    list_cards: Annotated[bool, typer.Option('--list', help='List the ready cards.')] = False,
    show: Annotated[
        str | None,
        typer.Option(
            metavar='NAME',
            help='Print a ready card, to start from.',
            show_default=False,
            autocompletion=completion.import_cards,
        ),
    ] = None,
) -> None:
    """Make a model file of a network from elsewhere.

    The import card describes the network: its input, its outputs, its classes.
    """
    from drivseg_ros.lab.importing.card_file import find_card, read_card, ready_cards

    if list_cards:
        table = Table(Column('card', no_wrap=True), 'for', 'classes')
        for name, path in ready_cards().items():
            ready = read_card(path)
            classes = ', '.join(c.name for c in ready.classes)
            table.add_row(escape(name), escape(ready.architecture), escape(classes))
        out.print(table)
        return
    if show is not None:
        out.print(find_card(show).read_text(), markup=False, soft_wrap=True, end='')
        return
    missing = [
        name
        for name, value in (('NETWORK', network), ('--card', card), ('--output', output))
        if value is None
    ]
    if network is None or card is None or output is None:
        raise typer.BadParameter(f'{", ".join(missing)} must be given (or --list, or --show NAME)')
    width, height = (None, None) if size is None else parse_size(size)
    from drivseg_ros.lab.importing.importer import import_network as run_import

    found = find_card(card)
    imported = run_import(
        network,
        read_card(found),
        output,
        card_name=found.name,
        width=width,
        height=height,
        overwrite=overwrite,
    )
    file, model_card = imported.file, imported.file.card
    if imported.outputs_left_out:
        err.print(f'left out: {", ".join(imported.outputs_left_out)}', markup=False)
    if file.batch is not None:
        err.print(
            f'batch: fixed to {file.batch} (the network gives other results in larger batches)',
            markup=False,
        )
    names = {c.id: c.name for c in model_card.classes}
    drivable = ', '.join(names[i] for i in model_card.drivable_ids)
    if not drivable:
        err.print(
            'no class is drivable: give one the role direct, alternative or drivable',
            style='yellow',
        )
    out.print(
        f'{file.path}: {model_card.input_width}x{model_card.input_height}, '
        f'{model_card.precision}, batch {file.batch or "any"}, '
        f'classes {", ".join(names.values())}; drivable: {drivable or "none"}; '
        f'confidence: {"yes" if file.has_confidence else "no"}',
        markup=False,
        soft_wrap=True,
    )
