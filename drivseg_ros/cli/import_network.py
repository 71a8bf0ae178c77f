# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg import`: bring somebody else's network into the form that every engine runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from drivseg_ros.cli.console import err, out


def import_network(
    network: Annotated[
        Path | None, typer.Argument(help='An .onnx file, or the .xml of an OpenVINO IR.')
    ] = None,
    card: Annotated[
        str | None, typer.Option(help='An import card: a YAML file, or a name that --list shows.')
    ] = None,
    output: Annotated[
        Path | None, typer.Option('--output', '-o', help='The model file to write, .onnx.')
    ] = None,
    width: Annotated[
        int | None, typer.Option(min=1, help='Input width, where the network leaves it free.')
    ] = None,
    height: Annotated[
        int | None, typer.Option(min=1, help='Input height, where the network leaves it free.')
    ] = None,
    overwrite: Annotated[
        bool, typer.Option('--overwrite', help='Replace the output if it is there.')
    ] = False,
    list_cards: Annotated[bool, typer.Option('--list', help='List the ready cards.')] = False,
    show: Annotated[
        str | None, typer.Option(help='Print a ready card, to start from.', metavar='NAME')
    ] = None,
) -> None:
    """Wrap somebody else's network and its import card into a model file."""
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
