# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The tables of console and page: metrics by class, slice, bag and frame, times by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from drivseg_ros.evaluation.metric import AREA_TITLES, OF_A_TARGET, TIMES, WHOLE, Unit
from drivseg_ros.evaluation.titles import part_title
from drivseg_ros.report.page.numbers import color, count, decimal, interval, percent, with_unit

MAX_FRAMES = 400
"""The page lists the metrics of so many frames at most; the JSON has all."""


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
    """The metrics of each class, and of all classes of a role."""
    metrics, rows, colors = content['metrics'], [], []
    areas = [
        (c['name'], [f'{one.name}/{c["name"]}' for one in OF_A_TARGET], color(c['color']))
        for c in content['classes']['truth']
    ]
    areas += [
        (f'{title} (by role)', [f'{role.value}_{one.name}' for one in OF_A_TARGET], '')
        for role, title in AREA_TITLES.items()
    ]
    drawn = any(one['low'] is not None for one in metrics.values())
    for title, names, swatch in areas:
        if names[0] in metrics:
            first, *others = (percent(metrics[n]['value']) if n in metrics else '' for n in names)
            ends = (interval(metrics[names[0]]),) if drawn else ()
            rows.append((title, first, *ends, *others))
            colors.append(swatch)
    head, *heads = (one.title for one in OF_A_TARGET)
    return Table(
        ('class', head, *(('interval',) if drawn else ()), *heads),
        tuple(rows),
        tuple(colors),
        f'In percent; {content["intervals"]}.',
    )


def slice_table(content: Mapping[str, Any], key: str) -> Table | None:
    """The slices by attributes ('slices') or by rows of the image ('distance')."""
    found = content[key]
    names = _shown(content, [one['metrics'] for one in found])
    if not names or (len(found) < 2 and key == 'distance'):
        return None
    rows = tuple(
        (
            str(one['name']),
            count(one['frames']),
            f'{int(one["pixels"]) / 1e6:.1f}',
            *(percent(one['metrics'].get(name)) for name in names),
        )
        for one in found
    )
    return Table(('slice', 'frames', 'Mpixel', *_titles(content, names)), rows)


def part_table(content: Mapping[str, Any]) -> Table:
    """A row for each folder or bag, with what became of its frames."""
    parts = content['parts']
    found = [part['metrics'] for part in parts]
    names = _shown(content, found)
    rows = []
    for part, metrics in zip(parts, found, strict=True):
        ledger = part['ledger']
        cut = ' (cut)' if part['source'].get('unfinished') else ''
        rows.append(
            (
                part_title(part) + cut,
                *(count(ledger[n]) for n in ('offered', 'processed', 'dropped', 'failed')),
                *(percent(metrics.get(name)) for name in names),
            )
        )
    heads = ('from', 'offered', 'processed', 'dropped', 'failed', *_titles(content, names))
    return Table(heads, tuple(rows))


def frame_names(content: Mapping[str, Any]) -> list[str]:
    """The metrics that are shown frame by frame, the leading one first."""
    metrics = content['metrics']
    names = [name for name in content['headlines'] if metrics[name]['value'] is not None]
    return names or [name for name in (content['leading'],) if name]


def frame_table(content: Mapping[str, Any]) -> Table:
    """The metrics of each frame, in order."""
    frames = content['frames']
    names = [
        name
        for name in frame_names(content)
        if any(frame['metrics'].get(name) is not None for frame in frames)
    ]
    several = len(content['parts']) > 1
    rows = tuple(
        (
            str(frame['name']),
            str(i),
            *((part_title(content['parts'][frame['part']]),) if several else ()),
            *(percent(frame['metrics'].get(name)) for name in names),
        )
        for i, frame in enumerate(frames[:MAX_FRAMES], start=1)
    )
    left = len(frames) - len(rows)
    note = f'{left} more frames are in the JSON.' if left > 0 else ''
    heads = ('frame', 'number', *(('from',) if several else ()), *_titles(content, names))
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
    """How often the network is right at each confidence; None without a confidence."""
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
    return Table(
        ('confidence', 'on average', 'right', 'Mpixel'), rows, (), 'In percent of the pixels.'
    )


def _shown(content: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The metrics that a table by slice or bag has columns for."""
    return [
        name for name in content['headlines'] if any(one.get(name) is not None for one in found)
    ]


def _titles(content: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return [str(content['metrics'][name]['title']) for name in names]


def tiles(
    content: Mapping[str, Any], changes: Mapping[str, str] = MappingProxyType({})
) -> list[tuple[str, str, list[str]]]:
    """What stands at the top, the metrics that are not of one class: title, value, notes beside.

    Args:
        content: what `evaluation_file.describe` gave.
        changes: what became of metrics since a baseline, by their names, in words.
    """
    metrics, found = content['metrics'], []
    names = [*content['headlines'], *(one.name for one in (*WHOLE, *TIMES))]
    for name in dict.fromkeys(names):
        if name in metrics and metrics[name]['value'] is not None:
            one = metrics[name]
            ends = interval(one)
            notes = [f'interval {ends}' if ends else '', changes.get(name, '')]
            found.append((str(one['title']), with_unit(one['value'], Unit(one['unit'])), notes))
    ledger = content['ledger']
    if ledger['processed'] != ledger['offered']:
        notes = [f'of {count(ledger["offered"])} offered']
        found.append(('frames processed', count(ledger['processed']), notes))
    return found
