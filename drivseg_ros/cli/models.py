# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg models`: which models there are, and what their cards say."""

from __future__ import annotations

import json as json_format
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli.architectures import architectures
from drivseg_ros.cli.console import out, write_json
from drivseg_ros.cli.options import JsonFile, ModelArgument, Overwrite

if TYPE_CHECKING:
    from drivseg_ros.model.card import ModelCard
    from drivseg_ros.model.file import ModelFile

# A screen of 24 lines holds a card: no text is longer than this, and there are no more classes.
_MOST_LINES = 3
_MOST_CLASSES = 7
_INDENT = 14

app = typer.Typer(help='List models and show their cards.', invoke_without_command=True)
app.command()(architectures)


@app.callback()
def models(context: typer.Context) -> None:
    """List models and show their cards; without a command, list them."""
    if context.invoked_subcommand is None:
        list_them()


@app.command('list')
def list_them(json: JsonFile = None, overwrite: Overwrite = False) -> None:
    """List the models that are found by name."""
    check_output_files([json], overwrite=overwrite)
    from drivseg_ros.model.store import BrokenModel, list_models, model_directories

    found = list_models()
    broken = [one for one in found if isinstance(one, BrokenModel)]
    usable = [one for one in found if not isinstance(one, BrokenModel)]
    problems = [{'path': str(one.path), 'problem': one.reason} for one in broken]
    write_json(json, [*map(_as_data, usable), *problems])
    if not found:
        searched = ', '.join(map(str, model_directories()))
        out.print(f'No models in {searched}.', markup=False)
        return
    # A name is there to be copied: it is never cut.
    others = ('input', 'precision', 'MB', 'classes')
    table = Table(Column('name', no_wrap=True), *others, box=None, pad_edge=False)
    for model in usable:
        card = model.card
        table.add_row(
            escape(model.path.stem),
            f'{card.input_width}x{card.input_height}',
            card.precision,
            f'{model.path.stat().st_size / 1e6:.1f}',
            escape(', '.join(card.class_names)),
        )
    out.print(table)
    for folder in dict.fromkeys(str(model.path.parent) for model in found):
        out.print(f'in {folder}', markup=False, soft_wrap=True)
    for one in broken:
        out.print(f'not usable: {one.reason}', markup=False, soft_wrap=True)


@app.command()
def show(model: ModelArgument, json: JsonFile = None, overwrite: Overwrite = False) -> None:
    """Show the card of a model.

    --json has all of it, with its provenance.
    """
    check_output_files([json], overwrite=overwrite)
    from drivseg_ros.model.store import find_model

    found = find_model(model)
    write_json(json, json_format.loads(found.card.to_json()))
    for name, value in _facts(found):
        _print_fact(name, value)
    _print_classes(found.card)
    if found.card.provenance:
        _print_fact('provenance', f'(by --json -) {", ".join(found.card.provenance)}')


def _as_data(model: ModelFile) -> dict[str, Any]:
    card = model.card
    return {
        'name': model.path.stem,
        'path': str(model.path),
        'sha256': model.sha256,
        'architecture': card.architecture,
        'input_width': card.input_width,
        'input_height': card.input_height,
        'precision': card.precision,
        'classes': list(card.class_names),
    }


def _facts(model: ModelFile) -> Iterator[tuple[str, str]]:
    card = model.card
    yield 'name', card.name
    yield 'file', str(model.path)
    yield 'sha256', model.sha256
    yield 'architecture', card.architecture
    yield 'description', card.description
    batch = 'any batch' if model.batch is None else f'batch {model.batch}'
    confidence = 'with' if model.has_confidence else 'without'
    size = f'{card.input_width}x{card.input_height}'
    form = f'{size} RGB ({card.resize.value}), {batch}, {card.precision}'
    yield 'runs', f'{form}, {confidence} confidence'
    yield 'license', card.license


def _print_fact(name: str, value: str) -> None:
    width = max(_INDENT, out.width - _INDENT)
    lines = textwrap.wrap(value, width, max_lines=_MOST_LINES, placeholder=' ...')
    # A path is there to be copied: it is never cut.
    for number, line in enumerate([value] if name == 'file' else lines):
        label = '' if number else name
        out.print(f'{label:{_INDENT}}{line}', markup=False, soft_wrap=True)


def _print_classes(card: ModelCard) -> None:
    shown = card.classes if card.num_classes <= _MOST_CLASSES else card.classes[: _MOST_CLASSES - 1]
    for c in shown:
        red, green, blue = c.color
        swatch = ('   ', f'on rgb({red},{green},{blue})')
        line = Text.assemble(f'{"class":{_INDENT}}{c.id:>3} ', swatch, f' {c.name}, {c.role.value}')
        out.print(line, no_wrap=True, overflow='ellipsis')
    if len(shown) < card.num_classes:
        _print_fact('', f'    and {card.num_classes - len(shown)} more (--json - prints them)')
