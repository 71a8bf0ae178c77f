# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tables in Markdown, and what the numbers in them were measured on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NOTHING = '–'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, without a line break at its end."""
    return '\n'.join([_line(heads), '|' + '---|' * len(heads), *map(_line, rows)])


def machine(report: Mapping[str, Any]) -> str:
    """The machine and the versions of a report."""
    hardware = report['hardware']
    parts = [
        hardware['cpu'],
        f'{hardware["cpus_usable"]} CPUs',
        f'{hardware["memory_gib"]} GiB',
        *hardware.get('gpus', []),
    ]
    versions = ', '.join(f'{name} {version}' for name, version in report['versions'].items())
    return f'{", ".join(parts)}; {versions}.'


def _line(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'
