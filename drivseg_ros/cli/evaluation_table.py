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
from drivseg_ros.evaluation.metric import AREA_TITLES, OF_A_TARGET, WHOLE
from drivseg_ros.evaluation.titles import masks_title

_SHOWN_FRAMES = 3
_SHOWN_PARTS = 3


def print_evaluation(content: Mapping[str, Any]) -> None:
    """Prints what `evaluation_file.describe` gave."""
    metrics = content['metrics']
    first, *others = OF_A_TARGET
    heads = (first.title, 'interval', *(one.title for one in others))
    table = Table(
        '',
        *(Column(head, justify='right') for head in heads),
        title=escape(_title(content)),
        title_justify='left',
    )
    for c in content['classes']['truth']:
        _add_area(table, c['name'], [f'{one.name}/{c["name"]}' for one in OF_A_TARGET], metrics)
    table.add_section()
    for role, title in AREA_TITLES.items():
        _add_area(table, title, [f'{role.value}_{one.name}' for one in OF_A_TARGET], metrics)
    table.add_section()
    for one in WHOLE:
        if one.name in metrics and metrics[one.name]['value'] is not None:
            table.add_row(one.title, *_measure(metrics[one.name]))
    out.print(table)
    out.print(f'in percent; {content["intervals"]}', markup=False)
    for text in content['notes']:
        out.print(text, markup=False, soft_wrap=True)
    _print_slices(content)
    _print_ledger(content['ledger'])
    print_times(content)
    _print_extremes(content['extremes'])


def print_parts(content: Mapping[str, Any]) -> None:
    """Prints a row for each bag of what `evaluation_file.describe` gave, if there are several."""
    parts, broken = content['parts'], content['broken']
    if len(parts) + len(broken) < 2:
        return
    names = headlines(content, parts)
    heads = ('frames', 'failed', *(content['metrics'][name]['title'] for name in names))
    table = Table('bag', *(Column(head, justify='right') for head in heads))
    for part in parts:
        table.add_row(
            escape(part['title']) + (' (cut)' if part['source'].get('unfinished') else ''),
            str(part['ledger']['offered']),
            str(part['ledger']['failed']),
            *(_points(part['metrics'].get(name)) for name in names),
        )
    for one in broken:
        table.add_row(f'{escape(one["given"])} (failed)', *('-' for _ in heads))
    out.print(table)


def print_checks(checks: Sequence[Check]) -> None:
    """Prints the checks, but for that of the frames where it is alone and kept."""
    for check in checks:
        if check.passed and len(checks) == 1:
            continue
        word = 'kept' if check.passed else 'BROKEN'
        out.print(f'{word}: {check.title}: {check.message}', markup=False, soft_wrap=True)
        for line in check.frames:
            out.print(f'  {line}', markup=False, soft_wrap=True)


def print_diff(found: Comparison, titles: tuple[str, str], frames: Sequence[FrameChange]) -> None:
    """Prints two evaluations beside each other."""
    table = Table(
        'metric',
        *(Column(escape(head), justify='right') for head in (*titles, 'change', '95 % of draws')),
    )
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
        out.print('* the interval of the change leaves out 0', markup=False)
    for note in found.notes:
        out.print(f'note: {note}', markup=False, soft_wrap=True)
    for frame in frames:
        out.print(
            f'{frame.name}: {frame.metric.name} {100 * frame.before:.1f} to '
            f'{100 * frame.after:.1f} ({100 * (frame.after - frame.before):+.1f})',
            markup=False,
            soft_wrap=True,
        )


def headlines(content: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The metrics that tables by slice and by bag have columns for.

    Args:
        content: what `evaluation_file.describe` gave.
        rows: its slices or parts; what none of them has is left out.
    """
    return [
        name
        for name in content['headlines']
        if any(row['metrics'].get(name) is not None for row in rows)
    ]


def _title(content: Mapping[str, Any]) -> str:
    parts = content['parts']
    given = ', '.join(part['source']['given'] for part in parts[:_SHOWN_PARTS])
    if len(parts) > _SHOWN_PARTS:
        given += f' and {len(parts) - _SHOWN_PARTS} more'
    return f'{masks_title(content["network"])}\n{given}'


def _add_area(table: Table, title: str, names: Sequence[str], metrics: Mapping[str, Any]) -> None:
    found = [metrics.get(name) for name in names]
    if any(one is not None and one['value'] is not None for one in found):
        values = ['' if one is None else _points(one['value']) for one in found]
        table.add_row(escape(title), values[0], _measure(found[0])[1], *values[1:])


def _print_slices(content: Mapping[str, Any]) -> None:
    rows = [*content['slices'], *(content['distance'] if len(content['distance']) > 1 else ())]
    names = headlines(content, rows)
    if not names:
        return
    heads = ('frames', 'Mpixel', *(content['metrics'][name]['title'] for name in names))
    table = Table('slice', *(Column(head, justify='right') for head in heads))
    for row in rows:
        table.add_row(
            escape(row['name']),
            str(row['frames']),
            f'{row["pixels"] / 1e6:.1f}',
            *(_points(row['metrics'].get(name)) for name in names),
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


def _measure(measure: Mapping[str, Any] | None) -> tuple[str, str]:
    if measure is None:
        return '', ''
    ends = ''
    if measure['low'] is not None:
        ends = f'{100 * measure["low"]:.1f} to {100 * measure["high"]:.1f}'
    return _points(measure['value']), ends


def _points(value: float | None) -> str:
    return '-' if value is None else f'{100 * value:.2f}'
