# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg dataset`: which kinds of data sets there are, and the check of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli.console import out, progress_bar, write_json
from drivseg_ros.cli.options import (
    DatasetKind,
    DatasetOption,
    DatasetRoot,
    JsonFile,
    Overwrite,
    Workers,
    loading_processes,
    parse_kind,
    parse_option,
)
from drivseg_ros.errors import DataError

if TYPE_CHECKING:
    from drivseg_ros.frames.check import DatasetCheck

app = typer.Typer(help='List the kinds of data sets, and check one.', no_args_is_help=True)

_SHOWN_FAULTS = 20
# Yu et al. 2020 give no shares; these are what papers on the drivable area print.
_LITERATURE = {'direct': 0.117, 'alternative': 0.047, 'background': 0.836}
_FAR = 0.1


@app.command()
def kinds() -> None:
    """List the kinds of data sets and their options."""
    from drivseg_ros.frames.registry import KINDS

    table = Table(Column('kind', no_wrap=True), 'what', 'options')
    for kind in KINDS.values():
        table.add_row(kind.name, escape(kind.summary), ', '.join(kind.options))
    out.print(table)


@app.command()
def check(
    kind: DatasetKind,
    root: DatasetRoot = None,
    option: DatasetOption = None,
    labels_only: Annotated[
        bool, typer.Option('--labels-only', help='Do not decode the images.')
    ] = False,
    workers: Workers = None,
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Read every frame of a data set, and report its faults.

    Reports counts, sizes, stray values and class shares. The exit status is 1 if there are faults.
    """
    check_output_files([json], overwrite=overwrite)
    from drivseg_ros.frames.check import check_dataset
    from drivseg_ros.frames.registry import open_dataset, parts_of

    options = dict(parse_option(text) for text in option or [])
    name, part = parse_kind(kind)
    parts: list[str | None] = [part]
    try:
        if part is None and 'seeds' not in options:
            own = [p.value for p in parts_of(name, root, **options)]
            parts = [*(own or options.get('shares') or [None])]
        datasets = [open_dataset(name, root, part=p, with_faults=True, **options) for p in parts]
    except DataError as error:
        if json is None:
            raise
        content = {'kind': kind, 'ok': False, 'faults': [{'fault': str(error)}]}
        write_json(json, content)
        raise
    with progress_bar() as progress:
        task = progress.add_task('frames')
        result = check_dataset(
            datasets,
            images=not labels_only,
            workers=max(1, loading_processes(workers)),
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    is_bdd100k = {c.name for c in result.total.classes} == set(_LITERATURE) and name != 'scenes'
    literature = _LITERATURE if is_bdd100k else {}
    _print(kind, [p or 'all' for p in parts], result, literature)
    write_json(json, _report(kind, root, result))
    if not result.ok:
        raise typer.Exit(1)


def _report(kind: str, root: Path | None, result: DatasetCheck) -> dict[str, Any]:
    return {
        'kind': kind,
        'root': None if root is None else str(root),
        'ok': result.ok,
        'parts': [part.describe() for part in result.parts],
        'total': result.total.describe(),
    }


def _print(kind: str, parts: list[str], result: DatasetCheck, literature: dict[str, float]) -> None:
    total = result.total
    shown = [*result.parts, total] if len(result.parts) > 1 else [total]
    known = bool(set(literature) & {c.name for c in total.classes})
    names = [*parts, 'all'][: len(shown)] + (['literature'] if known else [])
    heads = [Column(name, justify='right', min_width=len(name)) for name in names]
    widest = (
        max(len(word) for c in total.classes for word in c.name.split()) if total.classes else 0
    )
    first = Column('', min_width=min(20, max(10, widest)))
    table = Table(first, *heads, title=escape(kind), title_justify='left', pad_edge=False)
    table.add_row('frames', *(str(p.frames) for p in shown))
    if all(p.drives for p in result.parts):
        table.add_row('drives', *(str(p.drives) for p in shown))
    table.add_row('sizes', *('\n'.join(f'{n} of {s}' for s, n in p.sizes.items()) for p in shown))
    for i, c in enumerate(total.classes):
        row = [_percent(p.shares[i]) for p in shown]
        table.add_row(escape(c.name), *row, *([_percent(literature.get(c.name))] if known else []))
    table.add_row('unlabelled (of all)', *(_percent(p.unlabelled_share) for p in shown))
    out.print(table)
    for note in [*total.notes, *_strange(result, literature)]:
        out.print(f'note: {note}', markup=False, soft_wrap=True)
    for _, text in total.faults[:_SHOWN_FAULTS]:
        out.print(f'fault: {text}', markup=False, soft_wrap=True)
    if len(total.faults) > _SHOWN_FAULTS:
        out.print(f'... and {len(total.faults) - _SHOWN_FAULTS} more faults (--json has them all)')
    out.print(f'faults: {len(total.faults)}' if total.faults else 'nothing is wrong')


def _strange(result: DatasetCheck, literature: dict[str, float]) -> list[str]:
    total = result.total
    far = [
        f'{c.name} {_percent(share)}'
        for c, share in zip(total.classes, total.shares, strict=True)
        if share is not None and c.name in literature and abs(share - literature[c.name]) > _FAR
    ]
    if not far:
        return []
    return [
        f'{", ".join(far)}: far from what the literature prints; are the ids in another order, or '
        'are these frames unusual?'
    ]


def _percent(share: float | None) -> str:
    return '-' if share is None else f'{100 * share:.1f} %'
