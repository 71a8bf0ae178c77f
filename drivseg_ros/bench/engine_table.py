# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of an engine benchmark as a table in Markdown, with what they were measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def markdown_table(report: Mapping[str, Any]) -> str:
    """The rows of a report of `benchmark_engines`.

    Times are medians, with the quartiles in brackets, of a whole batch; × is the ratio to the
    fastest of the same network and batch; "around the network" is what everything else adds to
    the network alone, where the engine can run it alone.
    """
    rows = report['rows']
    with_network = any(row.get('network_alone') for row in rows)
    with_gpu = any(row['memory']['gpu_mb'] is not None for row in rows if not row['problem'])
    heads = ['model', 'engine', 'batch', 'infer, ms', '×', 'images/s']
    heads += ['network alone, ms'] if with_network else []
    for width, height in report['sizes']:
        heads += [f'segment {width}×{height}, ms', '×']
        heads += ['around the network'] if with_network else []
    heads += ['memory, MB', *(['GPU memory, MB'] if with_gpu else [])]
    lines = [_line(heads), _line(['---'] * len(heads)).replace(' ', '')]
    for row in rows:
        engine = row['engine']
        cells = [
            engine['model'],
            f'{engine["engine"]} {engine["precision"]}, {engine["device"]}',
            str(row['batch']),
        ]
        if row['problem']:
            cells += ['cannot be run'] + ['–'] * (len(heads) - len(cells) - 1)
            lines.append(_line(cells))
            continue
        cells += [*_times(row['infer']), f'{row["infer"]["images_per_s"]:.1f}']
        if with_network:
            alone = row['network_alone']
            cells.append('–' if alone is None else _times(alone)[0])
        for size in report['sizes']:
            found = [s for s in row['segment'] if [s['width'], s['height']] == list(size)]
            cells += _times(found[0]) if found else ['–', '–']
            if with_network:
                around = found[0].get('around_the_network') if found else None
                cells.append('–' if around is None else f'{100 * around:+.0f} %')
        memory = row['memory']
        cells.append(f'{memory["engine_mb"]:.0f} + {memory["runtime_mb"]:.0f}')
        if with_gpu:
            cells.append('–' if memory['gpu_mb'] is None else f'{memory["gpu_mb"]:.0f}')
        lines.append(_line(cells))
    return '\n'.join([*lines, '', _basis(report)]) + '\n'


def _basis(report: Mapping[str, Any]) -> str:
    hardware, rows = report['hardware'], report['rows']
    models = {row['engine']['file']: row['engine']['sha256'][:12] for row in rows}
    threads = sorted({row['engine']['threads'] for row in rows if not row['problem']})
    machine = [
        hardware['cpu'],
        f'{hardware["cpus_usable"]} CPUs',
        f'{hardware["memory_gib"]} GiB',
        *hardware.get('gpus', []),
    ]
    return (
        'Median (quartiles) of '
        f'{report["runs"]} runs, all taking turns; × is the ratio to the fastest of the same '
        'network and batch. Memory is what the process grew by with the engine, and before that '
        "with the runtime's libraries (onnxruntime's are always there). "
        + ', '.join(f'{file} ({digest})' for file, digest in models.items())
        + f'; threads: {", ".join(map(str, threads)) or "none"}; {", ".join(machine)}; '
        + ', '.join(f'{name} {version}' for name, version in report['versions'].items())
        + '.'
    )


def _times(figures: Mapping[str, Any]) -> list[str]:
    """Median with quartiles, and the ratio where there is one."""
    quartiles = f'{figures["lower_quartile_ms"]:.1f}–{figures["upper_quartile_ms"]:.1f}'
    ratio = [f'{figures["ratio"]:.2f}'] if 'ratio' in figures else []
    return [f'{figures["median_ms"]:.1f} ({quartiles})', *ratio]


def _line(cells: list[str]) -> str:
    return f'| {" | ".join(cells)} |'
