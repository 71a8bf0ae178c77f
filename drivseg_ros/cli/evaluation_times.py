# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The times of an evaluation on the console: by stage, and what a live run adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Column, Table

from drivseg_ros.cli.console import out
from drivseg_ros.report.page import tables
from drivseg_ros.report.page.numbers import decimal

_PERCENTILES = ('p50', 'p95', 'p99')
_UNITS = {
    'cpu_percent': ('CPU', '% of a core'),
    'memory_mib': ('memory', 'MiB'),
    'gpu_percent': ('GPU busy', '%'),
    'gpu_memory_mib': ('GPU memory', 'MiB'),
}


def print_times(content: Mapping[str, Any]) -> None:
    """Prints the times in what `evaluation_file.describe` gave, where there are any."""
    live = content.get('live')
    rows = [(stage.name, *stage.times) for stage in tables.stages(content)]
    if live is not None:
        ages = (decimal(live['age_ms'].get(name)) for name in _PERCENTILES)
        rows.append(('age of the newest mask', *ages))
    if rows:
        table = Table('time in ms', *(Column(name, justify='right') for name in _PERCENTILES))
        for cells in rows:
            table.add_row(*cells)
        out.print(table)
    if live is not None:
        _print_live(live)


def _print_live(live: Mapping[str, Any]) -> None:
    _say(
        f'played at {live["speed"]:g} times recorded speed: {live["played"]} messages, '
        f'{live["lost_before_node"]} lost before the node, {live["lost_after_node"]} masks lost '
        'behind it'
    )
    halves = [live['age_ms'][f'{half}_half'] for half in ('first', 'second')]
    if None not in halves:
        _say(f'median age in the first half {halves[0]:.1f} ms, in the second {halves[1]:.1f} ms')
    used = []
    for name, (title, unit) in _UNITS.items():
        values = [value for _, value in live['usage'].get(name, ())]
        if values:
            mean = sum(values) / len(values)
            used.append(f'{title} {mean:.0f}, at most {max(values):.0f} {unit}')
    if used:
        _say('the node used: ' + '; '.join(used))
    whose = live['usage'].get('gpu_memory_of')
    if whose is not None:
        _say(f'the GPU was busy for all processes; its memory is that of {whose}')


def _say(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
