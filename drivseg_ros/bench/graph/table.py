# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics of a benchmark of nodes as tables in Markdown, with what they were measured on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from drivseg_ros.base.markdown import NOTHING, machine, table

# What nodes are compared by: title, metric, factor.
_COMPARED = (
    ('sent, Hz', 'sent_hz', 1.0),
    ('lost, %', 'loss', 100.0),
    ('latency p50, ms', 'latency_p50', 1.0),
    ('last frame, ms', 'last_frame', 1.0),
    ('age of the newest p50, ms', 'age_p50', 1.0),
    ('age of the newest p95, ms', 'age_p95', 1.0),
)


_RATE_HEADS = (
    'image',
    'cameras',
    'node',
    'rate, Hz',
    'sent, Hz',
    'outputs, Hz',
    'lost',
    'latency p50 / p95 / p99, ms',
    'first / last frame, ms',
    'jitter, ms',
    'age of the newest p50 / p95, ms',
    'CPU',
    'memory, MB',
)


def markdown_table(report: Mapping[str, Any], *, only: Collection[str] | None = None) -> str:
    """The rows of a report of `benchmark_graph`: the peaks, the nodes side by side, every rate.

    Args:
        report: the report.
        only: names of the rates to show ('peak', '30'); None for all.
    """
    return _joined([*_summary(report, only), _rates(report, only), _basis(report)])


def summary_table(report: Mapping[str, Any]) -> str:
    """The peaks and the nodes side by side, without the metrics of each node by itself."""
    return _joined([*_summary(report, None), _basis(report)])


def _joined(parts: list[str]) -> str:
    return '\n\n'.join(parts) + '\n'


def _summary(report: Mapping[str, Any], only: Collection[str] | None) -> list[str]:
    configuration = report['configuration']
    parts = [_peaks(report)] if configuration['peak'] else []
    if len(configuration['nodes']) > 1:
        parts.append(_side_by_side(report, only))
    return parts


def _peaks(report: Mapping[str, Any]) -> str:
    nodes = [node['name'] for node in report['configuration']['nodes']]
    by_setup: dict[tuple[str, str], dict[str, str]] = {}
    for row in report['rows']:
        setup = by_setup.setdefault((_image(row), str(row['cameras'])), {})
        setup[row['node']] = _peak(row)
    return table(
        ['image', 'cameras', *(f'{name}, peak Hz' for name in nodes)],
        [
            [*setup, *(found.get(name, NOTHING) for name in nodes)]
            for setup, found in by_setup.items()
        ],
    )


def _side_by_side(report: Mapping[str, Any], only: Collection[str] | None) -> str:
    """A row for each setup and fixed rate, in each cell the nodes' values in their order.

    The peaks are left out: each node's is another rate.
    """
    nodes = [node['name'] for node in report['configuration']['nodes']]
    found: dict[tuple[str, str, str], dict[str, Mapping[str, Any]]] = {}
    for row in report['rows']:
        for rate in row['rates']:
            if rate['name'] != 'peak' and (only is None or rate['name'] in only):
                setup = (_image(row), str(row['cameras']), f'{rate["rate_hz"]:.3g}')
                found.setdefault(setup, {})[row['node']] = rate['metrics']

    def cell(metrics: Mapping[str, Mapping[str, Any]], name: str, scale: float) -> str:
        values = [metrics[node][name] if node in metrics else None for node in nodes]
        return ' / '.join(NOTHING if v is None else f'{scale * v:.1f}' for v in values)

    cells = table(
        ['image', 'cameras', 'rate, Hz', *(title for title, _, _ in _COMPARED)],
        [
            [*setup, *(cell(metrics, name, scale) for _, name, scale in _COMPARED)]
            for setup, metrics in found.items()
        ],
    )
    return f'In each cell: {" / ".join(nodes)}.\n\n{cells}'


def _peak(row: Mapping[str, Any]) -> str:
    peak = row['peak']
    if peak is None:
        return 'cannot be run' if row['problem'] else NOTHING
    if peak['rate_hz'] == 0:
        return f'< {peak["probes"][-1][0]:g}'
    # It was not the node that set the limit.
    sign = '' if peak['limited_by'] == 'node' else '≥ '
    held = ''.join(
        f' ({rate["held"]} of {len(rate["runs"])})'
        for rate in row['rates']
        if rate['name'] == 'peak'
    )
    return f'{sign}{peak["rate_hz"]:.3g}{held}'


def _rates(report: Mapping[str, Any], only: Collection[str] | None) -> str:
    lines = []
    for row in report['rows']:
        start = [_image(row), str(row['cameras']), row['node']]
        for rate in row['rates']:
            if only is not None and rate['name'] not in only:
                continue
            metrics = rate['metrics']
            lines.append(
                [
                    *start,
                    f'{rate["rate_hz"]:.3g}' + (' (peak)' if rate['name'] == 'peak' else ''),
                    _ms(metrics, 'sent_hz'),
                    _ms(metrics, 'output_hz'),
                    f'{100 * metrics["loss"]:.1f} %',
                    _ms(metrics, 'latency_p50', 'latency_p95', 'latency_p99'),
                    _ms(metrics, 'first_frame', 'last_frame'),
                    _ms(metrics, 'jitter_mean'),
                    _ms(metrics, 'age_p50', 'age_p95'),
                    f'{100 * metrics["cpu_share"]:.0f} %',
                    f'{metrics["memory_mb"]:.0f}',
                ]
            )
        if row['problem']:
            lines.append([*start, 'cannot be run', *[NOTHING] * (len(_RATE_HEADS) - 4)])
    return table(_RATE_HEADS, lines)


def _basis(report: Mapping[str, Any]) -> str:
    options, model = report['configuration'], report['model']
    hashes = sorted({row['input']['sha256'][:12] for row in report['rows'] if row['input']})
    descriptions = sorted({row['input']['description'] for row in report['rows'] if row['input']})
    runs = options['runs']
    trimmed = ' less the best and the worst of each metric' if runs > 2 else ''
    held = report['held']
    return (
        'Rates are by camera. Latency: from the message handed to DDS by one process to the output '
        'received by another, matched by header.stamp. Age: how old the newest message with an '
        'output is, at any moment. Peak: the highest rate with less than '
        f'{100 * held["loss_below"]:.0f} % loss and outputs at {100 * held["pace_at_least"]:.0f} % '
        "of the messages' pace at least, and in how many of the runs that followed it was held; "
        '≥: the sender or the search set the limit. '
        f'CPU: 100 % is one CPU. {runs} runs of {options["duration_s"]:g} s{trimmed}, the nodes '
        'taking turns'
        + (' (interrupted)' if report['interrupted'] else '')
        + f'. {model["model"]} ({model["sha256"][:12]}), {options["threads"]} threads where a '
        f'command names them; input: {"; ".join(descriptions) or "none"} '
        f'({", ".join(hashes) or "none"}); DDS: {report["dds_profile"]}; sender reliable, depth '
        f'{options["depth"]}; {machine(report)}'
    )


def _image(row: Mapping[str, Any]) -> str:
    return f'{row["width"]}×{row["height"]} {row["transport"]}'


def _ms(metrics: Mapping[str, Any], *names: str) -> str:
    values = [metrics[name] for name in names]
    return ' / '.join(NOTHING if value is None else f'{value:.1f}' for value in values)
