# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A comparison as tables in Markdown, with all that it was measured on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from drivseg_ros.base.markdown import NOTHING, machine, table
from drivseg_ros.frames.spec import DatasetSpec

_FIGURES = {'drivable': 'drivable IoU', 'road': 'road IoU', 'ego_lane': 'ego lane IoU'}


def markdown(report: Mapping[str, Any]) -> str:
    """The tables of a report of `compare`, with what `describe_run` gives.

    The first has a row for each network: metrics of each data set, size, time. With several data
    sets the IoU by class comes in a table for each; with one it stands in the first.
    """
    data = report['data']
    alone = len(data) == 1
    titles = [_plain(row['title']) for row in report['rows']]
    heads, columns = ['network'], [titles]
    for one in data:
        before = '' if alone else f'{_plain(one["title"])}: '
        for head, cells in _accuracy(report['rows'], one, by_class=alone):
            heads.append(before + head)
            columns.append(cells)
    for head, cells in (*_sizes(report['rows']), *_times(report)):
        heads.append(head)
        columns.append(cells)
    parts = ['# Comparison of networks', table(heads, zip(*columns, strict=True))]
    for one in [] if alone else data:
        found = _accuracy(report['rows'], one, by_class=True)
        names = [titles, *(cells for _, cells in found)]
        parts += [
            f'## {_plain(one["title"])}',
            table(['network', *(head for head, _ in found)], zip(*names, strict=True)),
        ]
    trained = [line for row in report['rows'] if (line := _training(row))]
    if trained:
        parts += ['## How they were trained', '\n'.join(trained)]
    failed = [
        f'- {_plain(row["title"])}: {_plain(row["problem"])}'
        for row in report['rows']
        if row['problem']
    ]
    if failed:
        parts += ['## What failed', '\n'.join(failed)]
    return '\n\n'.join([*parts, _legend(report), _basis(report)]) + '\n'


def _accuracy(
    rows: Sequence[Mapping[str, Any]], data: Mapping[str, Any], *, by_class: bool
) -> list[tuple[str, list[str]]]:
    metrics = [row.get('accuracy', {}).get(data['title']) for row in rows]
    found = [('mIoU', [_percent(one and one['miou']) for one in metrics])]
    for key in data['areas']:
        cells = [_percent(one and one['by_role'][key]) for one in metrics]
        found.append((_FIGURES[key], cells))
    if by_class:
        for name in data['classes']:
            cells = [_percent(one and one['iou_by_class'][name]) for one in metrics]
            found.append((f'IoU {_plain(name)}', cells))
        found.append(
            ('pixel accuracy', [_percent(one and one['pixel_accuracy']) for one in metrics])
        )
    return [(head, _emphasise(cells)) for head, cells in found]


def _sizes(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    return [
        ('parameters, M', [_number(row.get('parameters'), 1e-6, 2) for row in rows]),
        ('file, MB', [_number(row.get('file', {}).get('bytes'), 1e-6, 1) for row in rows]),
        ('GMACs', [_number(row.get('gmacs'), 1, 2) for row in rows]),
        ('input', [_input(row) for row in rows]),
        ('epochs', [str(row.get('epochs', NOTHING)) for row in rows]),
    ]


def _times(report: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    found = []
    for place, spec in enumerate(report['timing'].get('engines', [])):
        for what, head in (('infer', 'network'), ('segment', 'frame')):
            cells = []
            for row in report['rows']:
                taken = row.get('times') or []
                one = taken[place].get(what) if place < len(taken) else None
                cells.append(NOTHING if one is None else f'{one["median_ms"]:.1f}')
            found.append((f'{spec}: {head}, ms', cells))
    return found


def _legend(report: Mapping[str, Any]) -> str:
    lines = [
        'IoU in %, from one confusion matrix over all frames of a data set, unlabelled pixels left '
        'out; the best of a column in bold. mIoU and IoU by class are in the classes of the data '
        "set; where a network's classes cannot be matched to them there is a dash. Drivable IoU is "
        'of all classes one may drive on, taken as one; road IoU of all road surface, oncoming '
        'lanes included: two truths, which are never compared.',
        'Parameters without auxiliary heads; GMACs for one image at the input size; the file is '
        'the exported .onnx.',
    ]
    timing = report['timing']
    if timing:
        lines.append(
            f'Times are medians of {_count(timing["runs"], "run")}, {_threads(timing)}, all '
            'networks taking turns in one run: "network" is the network on one image of its own '
            f'size, "frame" from a {timing["width"]}x{timing["height"]} image to a mask of that '
            'size.'
        )
    return '\n\n'.join(lines)


def _training(row: Mapping[str, Any]) -> str:
    """What a run did, in a line; nothing of networks that were brought along."""
    recipe = row.get('recipe')
    if not recipe:
        return ''
    parts = [f'best epoch {row.get("epochs", NOTHING)}']
    if recipe.get('limit_batches'):
        parts.append(f'at most {recipe["limit_batches"]} batches an epoch')
    parts += [
        f'batch {recipe["batch"]}, precision {recipe.get("precision", "32")}',
        f'{recipe["optimizer"]}, {recipe["schedule"]} to {recipe["learning_rate"]:g}',
        f'weights {recipe["weights"]}',
        'augmented' if recipe.get('augmentation') else 'no augmentation',
        f'seed {recipe["seed"]}',
    ]
    sets = ', '.join(
        DatasetSpec(source['dataset'], source.get('root') or '', source.get('part') or None).title
        for source in recipe['train']
    )
    seconds = row.get('training_seconds')
    if seconds is not None:
        parts.append(f'{seconds / 60:.1f} min on {row.get("trained_on")}')
    return f'- {_plain(row["title"])}: on {sets}; {", ".join(parts)}'


def _threads(timing: Mapping[str, Any]) -> str:
    count = timing['threads']
    return _count(count, 'CPU thread') if count else "the engine's own choice of CPU threads"


def _basis(report: Mapping[str, Any]) -> str:
    lines = []
    for one in report['data']:
        shares = ', '.join(
            f'{_plain(name)} {100 * share:.1f} %'
            for name, share in one['share_of_labelled_pixels'].items()
        )
        lines.append(
            f'- {_plain(one["title"])}: {_count(one["frames"], "frame")} ({shares}); identity '
            f'`{one["identity"][:16]}`, content `{one["content_sha256"][:16]}`'
        )
    files = ', '.join(
        f'{_plain(row["file"]["name"])} `{row["file"]["sha256"][:12]}`'
        for row in report['rows']
        if 'file' in row
    )
    return '\n'.join(
        [
            '## Measured on',
            '',
            *lines,
            f'- {machine(report)}',
            *([f'- {files}'] if files else []),
            f'- {report["created"]}, by `{report["command"]}`',
        ]
    )


def _emphasise(cells: list[str]) -> list[str]:
    """The highest of several percentages in bold."""
    numbers = [float(cell) for cell in cells if cell != NOTHING]
    if len(numbers) < 2:
        return cells
    return [
        f'**{cell}**' if cell != NOTHING and float(cell) == max(numbers) else cell for cell in cells
    ]


def _plain(text: str) -> str:
    """A name as Markdown shows it letter by letter, in a line, and in a cell."""
    return re.sub(r'([\\`*<|])', r'\\\1', ' '.join(text.split()))


def _count(number: int, of: str) -> str:
    return f'{number} {of}' if number == 1 else f'{number} {of}s'


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f'{100 * value:.2f}'


def _number(value: float | None, factor: float, digits: int) -> str:
    return NOTHING if value is None else f'{value * factor:.{digits}f}'


def _input(row: Mapping[str, Any]) -> str:
    network = row.get('network')
    return NOTHING if network is None else f'{network["width"]}x{network["height"]}'
