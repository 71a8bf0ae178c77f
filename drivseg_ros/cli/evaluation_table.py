# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An evaluation on the console: one table, the slices, the checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Column, Table

from drivseg_ros.cli.console import out
from drivseg_ros.cli.evaluation_times import print_times
from drivseg_ros.evaluation.evaluation_diff import EvaluationDiff, FrameChange
from drivseg_ros.evaluation.gate import Check
from drivseg_ros.evaluation.measures import MAIN_FIGURES
from drivseg_ros.evaluation.notes import interval_note, notes
from drivseg_ros.evaluation.time_figures import shown, unit_of
from drivseg_ros.evaluation.titles import (
    MAIN_TITLES,
    ROLE_TITLES,
    SLICE_FIGURES,
    figure_title,
    masks_title,
)

_OF_A_QUESTION = ('iou', 'precision', 'recall', 'boundary_iou')
_HEADS = ('IoU', 'interval', 'precision', 'recall', 'boundary IoU')
_SHOWN_FRAMES = 3
_SHOWN_PARTS = 3


def print_evaluation(content: Mapping[str, Any]) -> None:
    """Prints what `evaluation_file.describe` gave."""
    figures = content['figures']
    table = Table(
        '',
        *(Column(head, justify='right') for head in _HEADS),
        title=escape(_title(content)),
        title_justify='left',
    )
    labelled = bool(content['labels_sha256'])
    for c in content['classes']['truth'] if labelled else ():
        _add_question(table, c['name'], [f'{what}/{c["name"]}' for what in _OF_A_QUESTION], figures)
    table.add_section()
    for role, title in ROLE_TITLES.items() if labelled else ():
        _add_question(table, title, [f'{role.value}_{what}' for what in _OF_A_QUESTION], figures)
    table.add_section()
    for name in MAIN_FIGURES:
        if name in figures and figures[name]['value'] is not None:
            table.add_row(MAIN_TITLES[name], *_measure(figures[name]))
    out.print(table)
    _print_notes(content)
    _print_slices(content)
    _print_ledger(content['ledger'])
    print_times(content)
    _print_extremes(content['extremes'])


def print_checks(checks: Sequence[Check]) -> None:
    """Prints the checks, but for that of the frames where it is alone and kept."""
    for check in checks:
        if check.passed and len(checks) == 1:
            continue
        word = 'kept' if check.passed else 'BROKEN'
        out.print(f'{word}: {check.title}: {check.message}', markup=False, soft_wrap=True)
        for line in check.frames:
            out.print(f'  {line}', markup=False, soft_wrap=True)


def print_diff(
    diff: EvaluationDiff, titles: tuple[str, str], frames: Sequence[FrameChange], figure: str
) -> None:
    """Prints two evaluations beside each other."""
    table = Table(
        'figure',
        *(Column(escape(head), justify='right') for head in (*titles, 'change', '95 % of draws')),
    )
    for change in diff.changes.values():
        name, difference = change.name, change.difference
        ends = ''
        if change.low is not None and change.high is not None:
            ends = f'{100 * change.low:+.2f} to {100 * change.high:+.2f}'
        moved = '' if difference is None else f'{shown(name, difference):+.2f}'
        mark = ' *' if change.beyond_noise else ''
        unit = unit_of(name)
        values = [
            '-' if v is None else f'{shown(name, v):.2f}' for v in (change.before, change.after)
        ]
        table.add_row(
            escape(name if unit == '%' else f'{name} ({unit})'), *values, moved + mark, ends
        )
    out.print(table)
    if any(change.beyond_noise for change in diff.changes.values()):
        out.print('* the interval of the change leaves out 0', markup=False)
    for note in diff.notes:
        out.print(f'note: {note}', markup=False, soft_wrap=True)
    for frame in frames:
        out.print(
            f'{frame.name}: {figure} {100 * frame.before:.1f} to {100 * frame.after:.1f} '
            f'({100 * (frame.after - frame.before):+.1f})',
            markup=False,
            soft_wrap=True,
        )


def _title(content: Mapping[str, Any]) -> str:
    parts = content['parts']
    given = ', '.join(part['source']['given'] for part in parts[:_SHOWN_PARTS])
    if len(parts) > _SHOWN_PARTS:
        given += f' and {len(parts) - _SHOWN_PARTS} more'
    return f'{masks_title(content["network"])}\n{given}'


def _add_question(
    table: Table, title: str, names: Sequence[str], figures: Mapping[str, Any]
) -> None:
    if names[0] in figures:
        values = [*_measure(figures[names[0]])]
        values += [_points(figures[n]['value']) if n in figures else '' for n in names[1:]]
        table.add_row(escape(title), *values)


def _print_notes(content: Mapping[str, Any]) -> None:
    out.print(f'in percent; {interval_note(content)}', markup=False)
    for text in notes(content):
        out.print(text, markup=False)


def _print_slices(content: Mapping[str, Any]) -> None:
    rows = [*content['slices'], *(content['distance'] if len(content['distance']) > 1 else ())]
    names = [n for n in SLICE_FIGURES if any(n in row['figures'] for row in rows)]
    if not names:
        return
    heads = map(figure_title, names)
    table = Table(
        'slice', *(Column(head, justify='right') for head in ('frames', 'Mpixel', *heads))
    )
    for row in rows:
        table.add_row(
            escape(row['name']),
            str(row['frames']),
            f'{row["pixels"] / 1e6:.1f}',
            *(_points(row['figures'].get(name)) for name in names),
        )
    out.print(table)


def _print_ledger(ledger: Mapping[str, Any]) -> None:
    names = ['offered', 'processed', 'dropped', 'failed']
    names += [name for name in ('skipped', 'waiting') if ledger[name]]
    out.print(
        f'frames: {", ".join(f"{ledger[n]} {n}" for n in names)}; {ledger["unlabelled"]} without '
        f'a label, {ledger["unmatched_labels"]} labels without a frame',
        soft_wrap=True,
    )


def _print_extremes(extremes: Mapping[str, Any]) -> None:
    for which in ('worst', 'best'):
        shown = [f'{name} {100 * value:.1f}' for name, value in extremes[which][:_SHOWN_FRAMES]]
        if shown:
            out.print(f'{which}: {", ".join(shown)}', markup=False, soft_wrap=True)


def _measure(measure: Mapping[str, Any]) -> tuple[str, str]:
    ends = ''
    if measure['low'] is not None:
        ends = f'{100 * measure["low"]:.1f} to {100 * measure["high"]:.1f}'
    return _points(measure['value']), ends


def _points(value: float | None) -> str:
    return '-' if value is None else f'{100 * value:.2f}'
