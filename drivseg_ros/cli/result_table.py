# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table that ends a run: the frame ledger, the accuracy, the times."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table

from drivseg_ros.cli.console import out


def print_result(report: dict[str, Any]) -> None:
    """Prints the figures of a report that `replay` or `demo` made."""
    table = Table(show_header=False, title=escape(_title(report)), title_justify='left')
    frames = report['frames']
    names = ('offered', 'processed', 'dropped', 'failed')
    table.add_row('frames ' + ' / '.join(names), ' / '.join(str(frames[n]) for n in names))
    if frames['failed']:
        kinds = ', '.join(f'{kind}: {n}' for kind, n in frames['failed_by_kind'].items())
        table.add_row('failed by kind', escape(kinds))
        table.add_row('last error', escape(frames['last_error']))
    accuracy = report['accuracy']
    if accuracy is not None:
        table.add_row('frames with labels', str(accuracy['frames']))
        table.add_row('mIoU', _percent(accuracy['miou']))
        for name, iou in accuracy['iou_by_class'].items():
            table.add_row(f'IoU {escape(name)}', _percent(iou))
        table.add_row('drivable IoU', _percent(accuracy['drivable_iou']))
    for name, times in _times(report).items():
        if times['count']:
            values = ' / '.join(f'{times[p]:.1f}' for p in ('p50_ms', 'p95_ms', 'p99_ms'))
            table.add_row(f'{escape(name)}, p50 / p95 / p99', f'{values} ms')
    out.print(table)


def _title(report: dict[str, Any]) -> str:
    engine = report['engine']
    return (
        f'{engine["model"]} on {engine["engine"]} ({engine["device"]}, {engine["precision"]}, '
        f'{engine["threads"]} threads)'
    )


def _times(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    times: dict[str, dict[str, Any]] = {}
    if 'latency' in report:
        times['stamp to mask received'] = report['latency']
    times.update(report['stages'])
    return times


def _percent(value: float | None) -> str:
    return 'not defined' if value is None else f'{100 * value:.1f} %'
