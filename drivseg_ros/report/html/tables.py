# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The tables of the page: figures by class, slice and bag, times by stage, single frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivseg_ros.evaluation.notes import interval_note
from drivseg_ros.evaluation.sums import PIXEL_ACCURACY
from drivseg_ros.evaluation.titles import (
    MAIN_TITLES,
    ROLE_TITLES,
    SLICE_FIGURES,
    figure_title,
    part_title,
)
from drivseg_ros.report.html.formats import color, count, decimal, interval, percent
from drivseg_ros.report.html.timelines import frame_names

MAX_FRAMES = 400
"""The page lists the figures of so many frames at most; the JSON has all."""

_OF_A_CLASS = ('iou', 'precision', 'recall', 'boundary_iou')


@dataclass(frozen=True)
class Table:
    """A table; every text in it is plain.

    Attributes:
        heads: of the columns; the first column has the rows' names.
        rows: the cells of each row, its name first.
        colors: a colour for CSS by row, '' where there is none; empty without any.
        note: what to know about it.
        tones: 'good', 'bad' or '' by row; empty without any.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    colors: tuple[str, ...] = ()
    note: str = ''
    tones: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """A part of the way from a message to its mask.

    Attributes:
        name: of the part.
        times: in ms, of half, 95 % and 99 % of the frames, as text.
        half: the first as a bar, in percent of the longest.
        most: the second, likewise.
    """

    name: str
    times: tuple[str, ...]
    half: float
    most: float


def class_table(content: Mapping[str, Any]) -> Table:
    """IoU, precision, recall and boundary IoU of each class, and of all classes of a role."""
    figures, rows, colors = content['figures'], [], []
    asked = [
        (c['name'], [f'{what}/{c["name"]}' for what in _OF_A_CLASS], color(c['color']))
        for c in content['classes']['truth']
    ]
    asked += [
        (f'{title} (by role)', [f'{role.value}_{what}' for what in _OF_A_CLASS], '')
        for role, title in ROLE_TITLES.items()
    ]
    drawn = any(one['low'] is not None for one in figures.values())
    for title, names, swatch in asked:
        if names[0] in figures:
            first, *others = (percent(figures[n]['value']) if n in figures else '' for n in names)
            ends = (interval(figures[names[0]]),) if drawn else ()
            rows.append((title, first, *ends, *others))
            colors.append(swatch)
    heads = ('class', 'IoU', *(('interval',) if drawn else ()), 'precision', 'recall')
    return Table(
        (*heads, 'boundary IoU'),
        tuple(rows),
        tuple(colors),
        f'In percent; {interval_note(content)}.',
    )


def slice_table(content: Mapping[str, Any], key: str) -> Table | None:
    """The slices by attributes ('slices') or by rows of the image ('distance')."""
    found = content[key]
    names = _shown(content, [one['figures'] for one in found])
    if not names or (len(found) < 2 and key == 'distance'):
        return None
    rows = tuple(
        (
            str(one['name']),
            count(one['frames']),
            f'{int(one["pixels"]) / 1e6:.1f}',
            *(percent(one['figures'].get(name)) for name in names),
        )
        for one in found
    )
    return Table(('slice', 'frames', 'Mpixel', *map(figure_title, names)), rows)


def part_table(content: Mapping[str, Any]) -> Table:
    """A row for each folder or bag, with what became of its frames."""
    parts = content['parts']
    found = [part.get('figures') or {} for part in parts]
    names = _shown(content, found)
    rows = []
    for part, figures in zip(parts, found, strict=True):
        ledger = part['ledger']
        cut = ' (cut)' if part['source'].get('unfinished') else ''
        rows.append(
            (
                part_title(part) + cut,
                *(count(ledger[n]) for n in ('offered', 'processed', 'dropped', 'failed')),
                *(percent(figures.get(name)) for name in names),
            )
        )
    heads = ('from', 'offered', 'processed', 'dropped', 'failed', *map(figure_title, names))
    return Table(heads, tuple(rows))


def frame_table(content: Mapping[str, Any]) -> Table:
    """The figures of each frame, in order."""
    frames = content['frames']
    names = [*frame_names(content), PIXEL_ACCURACY]
    names = [n for n in names if any(f['figures'].get(n) is not None for f in frames)]
    several = len(content['parts']) > 1
    rows = tuple(
        (
            str(frame['name']),
            str(i),
            *((part_title(content['parts'][frame['part']]),) if several else ()),
            *(percent(frame['figures'].get(name)) for name in names),
        )
        for i, frame in enumerate(frames[:MAX_FRAMES], start=1)
    )
    left = len(frames) - len(rows)
    note = f'{left} more frames are in the JSON.' if left > 0 else ''
    heads = ('frame', 'number', *(('from',) if several else ()), *map(figure_title, names))
    return Table(heads, rows, (), note)


def stages(content: Mapping[str, Any]) -> list[Stage]:
    """Where the time of a frame goes; empty where no times are known."""
    times = content.get('times')
    if not times:
        return []
    found = dict(times['stages'])
    if content.get('live'):
        found = {('in the node' if name == 'total' else name): one for name, one in found.items()}
        found['message to mask'] = times['total']
    else:
        found['total'] = times['total']
    known = [float(one[p]) for one in found.values() for p in ('p50', 'p95') if one.get(p)]
    longest = max(known, default=1.0)
    return [
        Stage(
            str(name),
            tuple(decimal(one.get(p)) for p in ('p50', 'p95', 'p99')),
            *(round(100 * float(one.get(p) or 0) / longest, 1) for p in ('p50', 'p95')),
        )
        for name, one in found.items()
    ]


def reliability_table(content: Mapping[str, Any]) -> Table | None:
    """How often the network is right by what it says; None without a confidence."""
    if not content['reliability']:
        return None
    rows = tuple(
        (
            f'{percent(row["low"], 0)} to {percent(row["high"], 0)}',
            percent(row['confidence'], 1),
            percent(row['accuracy'], 1),
            f'{int(row["pixels"]) / 1e6:.2f}',
        )
        for row in content['reliability']
    )
    return Table(('said', 'on average', 'right', 'Mpixel'), rows, (), 'In percent of the pixels.')


def _shown(content: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The figures that a table by slice or bag has columns for."""
    return [
        name
        for name in SLICE_FIGURES
        if name in content['figures'] and any(one.get(name) is not None for one in found)
    ]


def main_figures(
    content: Mapping[str, Any], changes: Mapping[str, str]
) -> list[tuple[str, str, list[str]]]:
    """The figures that stand at the top: title, value and what is beside it.

    Args:
        content: what `evaluation_file.describe` gave.
        changes: what became of them since a baseline, by the figure's name, in words.
    """
    figures = content['figures']
    found = []
    for name in dict.fromkeys([*SLICE_FIGURES, *MAIN_TITLES]):
        if name in figures and figures[name]['value'] is not None:
            ends = interval(figures[name])
            beside = [f'interval {ends}' if ends else '', changes.get(name, '')]
            found.append((figure_title(name), f'{percent(figures[name]["value"])} %', beside))
    live, times = content.get('live') or {}, content.get('times') or {}
    latency = live.get('latency') or times.get('total')
    if latency:
        title, name = ('message to mask', 'latency') if live else ('time of a frame', 'time')
        half, most, nearly_all = (decimal(latency.get(p)) for p in ('p50', 'p95', 'p99'))
        beside = [f'95\xa0%:\xa0{most}\xa0ms, 99\xa0%:\xa0{nearly_all}\xa0ms']
        found.append((title, f'{half} ms', [*beside, changes.get(f'{name}_p50', '')]))
    age = live.get('age_ms') or {}
    if age.get('p50') is not None:
        beside = [f'95\xa0%:\xa0{decimal(age["p95"])}\xa0ms']
        found.append(('age of the newest mask', f'{decimal(age["p50"])} ms', beside))
    ledger = content['ledger']
    if ledger['processed'] != ledger['offered']:
        beside = [f'of {count(ledger["offered"])} offered']
        found.append(('frames processed', count(ledger['processed']), beside))
    return found
