# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluations, checks and differences as tables on the console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Column, Table

from drivseg_ros.cli.console import out
from drivseg_ros.cli.evaluation_times import print_times
from drivseg_ros.evaluation.comparison import Comparison, FrameChange
from drivseg_ros.evaluation.gate import Check
from drivseg_ros.evaluation.titles import masks_title
from drivseg_ros.report.page import tables

_SHOWN_FRAMES = 3
_SHOWN_PARTS = 3


def print_evaluation(content: Mapping[str, Any]) -> None:
    """Prints what `evaluation_file.describe` gave, without the bags one by one."""
    _say(_title(content))
    shown = Table('metric', *_right(['', '']))
    for title, value, notes in tables.tiles(content):
        shown.add_row(escape(title), value, ', '.join(note for note in notes if note))
    if shown.rows:
        out.print(shown)
    _print(tables.class_table(content))
    for text in content['notes']:
        _say(text)
    for key in ('slices', 'distance'):
        _print(tables.slice_table(content, key))
    _print_ledger(content['ledger'])
    print_times(content)
    _print_extremes(content['extremes'])


def print_parts(content: Mapping[str, Any]) -> None:
    """Prints a row for each bag of what `evaluation_file.describe` gave, if there are several."""
    if len(content['parts']) + len(content['broken']) < 2:
        return
    _print(tables.part_table(content))
    for one in content['broken']:
        _say(f'failed: {one["given"]}')


def print_checks(checks: Sequence[Check]) -> None:
    """Prints the checks, but for that of the frames where it is alone and kept."""
    for check in checks:
        if check.passed and len(checks) == 1:
            continue
        word = 'kept' if check.passed else 'BROKEN'
        _say(f'{word}: {check.title}: {check.message}')
        for line in check.frames:
            _say(f'  {line}')


def print_diff(found: Comparison, titles: tuple[str, str], frames: Sequence[FrameChange]) -> None:
    """Prints two evaluations beside each other."""
    table = Table('metric', *_right((*titles, 'change', '95 % of draws')))
    for name, change in found.changes.items():
        unit, difference = change.metric.unit, change.difference
        ends = ''
        if change.low is not None and change.high is not None:
            ends = f'{unit.shown(change.low):+.2f} to {unit.shown(change.high):+.2f}'
        moved = '' if difference is None else f'{unit.shown(difference):+.2f}'
        mark = ' *' if change.beyond_noise else ''
        values = ['-' if v is None else f'{unit.shown(v):.2f}'
                  for v in (change.before, change.after)]  # fmt: skip
        title = f'{name} ({unit.value})' if unit.suffix else name
        table.add_row(escape(title), *values, moved + mark, ends)
    out.print(table)
    if any(change.beyond_noise for change in found.changes.values()):
        _say('* the interval of the change leaves out 0')
    for note in found.notes:
        _say(f'note: {note}')
    for frame in frames:
        _say(
            f'{frame.name}: {frame.metric.name} {100 * frame.before:.1f} to '
            f'{100 * frame.after:.1f} ({100 * (frame.after - frame.before):+.1f})'
        )


def _title(content: Mapping[str, Any]) -> str:
    parts = content['parts']
    given = ', '.join(part['source']['given'] for part in parts[:_SHOWN_PARTS])
    if len(parts) > _SHOWN_PARTS:
        given += f' and {len(parts) - _SHOWN_PARTS} more'
    return f'{masks_title(content["network"])}\n{given}'


def _print(table: tables.Table | None) -> None:
    if table is None or not table.rows:
        return
    shown = Table(escape(table.heads[0]), *_right(table.heads[1:]))
    for cells in table.rows:
        shown.add_row(*map(escape, cells))
    out.print(shown)
    if table.note:
        _say(table.note)


def _right(heads: Sequence[str]) -> list[Column]:
    return [Column(escape(head), justify='right') for head in heads]


def _say(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)


def _print_ledger(ledger: Mapping[str, Any]) -> None:
    names = ['offered', 'processed', 'dropped', 'failed']
    names += [name for name in ('skipped', 'waiting') if ledger[name]]
    _say(
        f'frames: {", ".join(f"{ledger[n]} {n}" for n in names)}; {ledger["unlabelled"]} without '
        f'a label, {ledger["unmatched_labels"]} labels without a frame'
    )


def _print_extremes(extremes: Mapping[str, Any]) -> None:
    for which in ('worst', 'best'):
        shown = [f'{name} {100 * value:.1f}' for name, value in extremes[which][:_SHOWN_FRAMES]]
        if shown:
            _say(f'{which}: {", ".join(shown)}')
