# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An evaluation's baseline on the page: its metrics, and the frames that became worse."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from drivseg_ros.evaluation.metric import OF_A_TARGET, Better, Unit
from drivseg_ros.evaluation.titles import masks_title, part_title
from drivseg_ros.report.page.numbers import count, percent, signed
from drivseg_ros.report.page.tables import Table

_WORDS = {True: ('better', 'good'), False: ('worse', 'bad')}


@dataclass(frozen=True)
class Changes:
    """An evaluation beside its baseline.

    Attributes:
        given: the baseline's file.
        made: what made its masks.
        sha256: of its model; '' where that is not known.
        notes: what to know when reading the metrics, sentences.
        main: the metrics that are looked at first.
        others: the others; without rows where there are none.
        frames: the frames that became worse, most first.
    """

    given: str
    made: str
    sha256: str
    notes: tuple[str, ...]
    main: Table
    others: Table
    frames: Table


def changes(content: Mapping[str, Any]) -> Changes | None:
    """What became of an evaluation since its baseline; None without one."""
    baseline = content.get('baseline')
    if not baseline:
        return None
    metrics = {
        name: one
        for name, one in baseline['metrics'].items()
        if one['before'] is not None or one['after'] is not None
    }
    details = {one.name for one in OF_A_TARGET[1:]}
    main = [name for name in metrics if not _is_detail(name, details)]
    level = 100 * float(content['settings']['bootstrap']['level'])
    head = f'{level:g} % of draws'
    return Changes(
        str(baseline['given']),
        masks_title(baseline['network']),
        str(baseline['network'].get('sha256', '')),
        tuple(str(note) for note in baseline['notes']),
        _table(metrics, main, head),
        _table(metrics, [name for name in metrics if name not in main], head),
        _frames(content),
    )


def main_changes(content: Mapping[str, Any]) -> dict[str, str]:
    """What stands beside a metric at the top of the page, by its name."""
    found = {}
    for name, one in (content.get('baseline') or {'metrics': {}})['metrics'].items():
        if one['before'] is not None and one['after'] is not None:
            before, after = (Unit(one['unit']).shown(one[when]) for when in ('before', 'after'))
            found[name] = f'baseline {before:.2f} ({signed(after - before)})'
    return found


def _is_detail(name: str, details: Collection[str]) -> bool:
    """Whether a metric is one of a class or role, other than its IoU."""
    return any(name.startswith(f'{one}/') or name.endswith(f'_{one}') for one in details)


def _table(metrics: Mapping[str, Any], names: list[str], head: str) -> Table:
    rows, tones = [], []
    for name in names:
        one = metrics[name]
        before, after, low, high = (one[k] for k in ('before', 'after', 'low', 'high'))
        change = None if before is None or after is None else after - before
        word, tone = '', ''
        if change is not None and low is not None and high is not None:
            if low <= 0 <= high:
                word = 'within noise' if change else ''
            else:
                word, tone = _WORDS[(change < 0) == (one['better'] == Better.LOWER.value)]
        unit = Unit(one['unit'])
        values = ['–' if v is None else f'{unit.shown(v):.2f}' for v in (before, after)]
        ends = [] if low is None else [signed(unit.shown(end)) for end in (low, high)]
        rows.append(
            (
                f'{one["title"]} ({unit.value})' if unit.suffix else str(one['title']),
                *values,
                '' if change is None else signed(unit.shown(change)),
                ' to '.join(ends),
                word,
            )
        )
        tones.append(tone)
    heads = ('metric', 'baseline', 'here', 'change', head, '')
    columns = len(heads) if any(row[4] for row in rows) else 4  # where no interval is known
    return Table(
        heads[:columns],
        tuple(row[:columns] for row in rows),
        tones=tuple(tones),
        note='In percent where no unit is given.',
    )


def _frames(content: Mapping[str, Any]) -> Table:
    frames = content['baseline']['frames']
    parts = [part_title(part) for part in content['parts']]
    several = len(parts) > 1
    rows = tuple(
        (
            str(one['name']),
            *((parts[one['part']],) if several else ()),
            percent(one['before'], 1),
            percent(one['after'], 1),
            signed(100 * (one['after'] - one['before']), 1),
        )
        for one in frames['worst']
    )
    heads = ('frame', *(('from',) if several else ()), 'baseline', 'here', 'change')
    title = str(content['metrics'].get(frames['metric'], {'title': ''})['title'])
    note = (
        f'By {title}, in percent: {count(frames["worse"])} frames are worse than in the baseline, '
        f'{count(frames["better"])} better.'
    )
    return Table(heads, rows, note=note)
