# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg models`: which models there are, and what their cards say."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from drivseg_ros.cli.architectures import architectures
from drivseg_ros.cli.console import out

app = typer.Typer(help='List models and show their cards.', invoke_without_command=True)
app.command()(architectures)


@app.callback()
def list_models(context: typer.Context) -> None:
    """List the models that are found by name."""
    if context.invoked_subcommand:
        return
    from drivseg_ros.model.store import BrokenModel, list_models, model_directories

    models = list_models()
    if not models:
        searched = ', '.join(map(str, model_directories()))
        out.print(f'No models in {searched}.', markup=False)
        return
    # A name is there to be copied: it is never cut.
    table = Table(
        Column('name', no_wrap=True),
        'architecture',
        'input',
        'precision',
        'MB',
        'classes',
    )
    for model in models:
        if isinstance(model, BrokenModel):
            continue
        card = model.card
        table.add_row(
            escape(model.path.stem),
            escape(card.architecture),
            f'{card.input_width}x{card.input_height}',
            card.precision,
            f'{model.path.stat().st_size / 1e6:.1f}',
            escape(', '.join(card.class_names)),
        )
    out.print(table)
    for folder in dict.fromkeys(str(model.path.parent) for model in models):
        out.print(f'in {folder}', markup=False, soft_wrap=True)
    for model in models:
        if isinstance(model, BrokenModel):
            out.print(f'not usable: {model.reason}', markup=False, soft_wrap=True)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help='A name that `drivseg models` lists, or a path.')],
    json: Annotated[bool, typer.Option('--json', help='Print the card as JSON.')] = False,
) -> None:
    """Print a model's card."""
    from drivseg_ros.model.store import find_model

    found = find_model(model)
    card = found.card
    if json:
        out.print(card.to_json(), markup=False, soft_wrap=True)
        return
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in (
        ('name', card.name),
        ('file', str(found.path)),
        ('sha256', found.sha256),
        ('architecture', card.architecture),
        ('description', card.description),
        ('input', f'{card.input_width}x{card.input_height} RGB, {card.resize.value}'),
        ('batch', 'any' if found.batch is None else str(found.batch)),
        ('confidence', 'yes' if found.has_confidence else 'no'),
        ('precision', card.precision),
        ('license', card.license),
    ):
        facts.add_row(name, escape(value))
    out.print(facts)
    classes = Table('id', 'class', 'role', 'color')
    for c in card.classes:
        swatch = Text('    ', style=f'on rgb({c.color[0]},{c.color[1]},{c.color[2]})')
        classes.add_row(str(c.id), escape(c.name), c.role.value, swatch)
    out.print(classes)
    if card.provenance:
        out.print_json(data=dict(card.provenance))
