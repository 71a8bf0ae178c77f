# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An engine benchmark as a table in Markdown, with what it was measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivseg_ros.base.markdown import NOTHING, machine, table


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
    lines = []
    for row in rows:
        engine = row['engine']
        cells = [
            engine['model'],
            f'{engine["engine"]} {engine["precision"]}, {engine["device"]}',
            str(row['batch']),
        ]
        if row['problem']:
            cells += ['cannot be run'] + [NOTHING] * (len(heads) - len(cells) - 1)
            lines.append(cells)
            continue
        cells += [*_times(row['infer']), f'{row["infer"]["images_per_s"]:.1f}']
        if with_network:
            alone = row['network_alone']
            cells.append(NOTHING if alone is None else _times(alone)[0])
        for size in report['sizes']:
            found = [s for s in row['segment'] if [s['width'], s['height']] == list(size)]
            cells += _times(found[0]) if found else [NOTHING, NOTHING]
            if with_network:
                around = found[0].get('around_the_network') if found else None
                cells.append(NOTHING if around is None else f'{100 * around:+.0f} %')
        memory = row['memory']
        cells.append(f'{memory["engine_mb"]:.0f} + {memory["runtime_mb"]:.0f}')
        if with_gpu:
            cells.append(NOTHING if memory['gpu_mb'] is None else f'{memory["gpu_mb"]:.0f}')
        lines.append(cells)
    return f'{table(heads, lines)}\n\n{_basis(report)}\n'


def _basis(report: Mapping[str, Any]) -> str:
    rows = report['rows']
    models = {row['engine']['file']: row['engine']['sha256'][:12] for row in rows}
    threads = sorted({row['engine']['threads'] for row in rows if not row['problem']})
    return (
        'Median (quartiles) of '
        f'{report["runs"]} runs, all taking turns; × is the ratio to the fastest of the same '
        'network and batch. Memory is what the process grew by with the engine, and before that '
        "with the runtime's libraries (onnxruntime's are always there). "
        + ', '.join(f'{file} ({digest})' for file, digest in models.items())
        + f'; threads: {", ".join(map(str, threads)) or "none"}; {machine(report)}'
    )


def _times(found: Mapping[str, Any]) -> list[str]:
    """Median with quartiles, and the ratio where there is one."""
    quartiles = f'{found["lower_quartile_ms"]:.1f}–{found["upper_quartile_ms"]:.1f}'
    ratio = [f'{found["ratio"]:.2f}'] if 'ratio' in found else []
    return [f'{found["median_ms"]:.1f} ({quartiles})', *ratio]
