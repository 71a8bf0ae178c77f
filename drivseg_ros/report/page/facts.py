# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The words of the page: the verdict, the ledger, how and with what it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivseg_ros.evaluation.gate import Check
from drivseg_ros.evaluation.titles import part_title
from drivseg_ros.report.page.numbers import count, decimal

_FATES = ('processed', 'dropped', 'failed', 'skipped', 'waiting')
_SHOWN_FAILURES = 100


@dataclass(frozen=True)
class Verdict:
    """Whether the evaluation is good enough.

    Attributes:
        kind: 'good', 'bad', or 'none' where no limit was set.
        word: the same for people.
        sentence: why.
    """

    kind: str
    word: str
    sentence: str


@dataclass(frozen=True)
class Fate:
    """What became of some frames.

    Attributes:
        name: in a word.
        number: how many.
        percent: of those offered.
    """

    name: str
    number: int
    percent: float


@dataclass(frozen=True)
class Ledger:
    """What became of all frames.

    Attributes:
        sums: equations, in words.
        fates: the addends that are not 0.
        beside: what was counted besides: labels, losses on the way.
        failures: frame and reason.
    """

    sums: tuple[str, ...]
    fates: tuple[Fate, ...]
    beside: tuple[tuple[str, str], ...]
    failures: tuple[tuple[str, str], ...]


def runtime(network: Mapping[str, Any]) -> str:
    """The engine that made the masks; '' where it is unknown."""
    keys = ('engine', 'device', 'precision')
    return ', '.join(str(network[key]) for key in keys if key in network)


def verdict(checks: Sequence[Check], broken: Sequence[Any]) -> Verdict:
    """The checks and the broken bags in a sentence."""
    failed = [check for check in checks if not check.passed]
    reasons = [f'{len(failed)} of {len(checks)} checks broken'] if failed else []
    if broken:
        reasons.append(f'{len(broken)} {"bags" if len(broken) > 1 else "bag"} not evaluated')
    if reasons:
        return Verdict('bad', 'Failed', f'{", ".join(reasons)}.')
    limits = sum(check.of_limit for check in checks)
    if limits:
        return Verdict('good', 'Passed', f'All {len(checks)} checks kept, {limits} of limits.')
    return Verdict('none', 'No limits were set', 'The metrics are not held to anything.')


def ledger(content: Mapping[str, Any]) -> Ledger:
    """What became of every frame."""
    counts, live = content['ledger'], content.get('live') or {}
    offered = int(counts['offered'])
    fates = tuple(
        Fate(name, int(counts[name]), 100 * int(counts[name]) / max(offered, 1))
        for name in _FATES
        if int(counts[name])
    )
    addends = ' + '.join(f'{count(fate.number)} {fate.name}' for fate in fates)
    beside = [
        ('processed frames without a label', count(counts['unlabelled'])),
        ('labels without a frame', count(counts['unmatched_labels'])),
    ]
    sums = [f'{count(offered)} offered = {addends or "0"}']
    if live:
        lost = count(live['lost_before_node'])
        sums.insert(0, f'{count(live["played"])} played = {count(offered)} offered to the node + '
                       f'{lost} lost before it')  # fmt: skip
        beside.append(('masks lost behind the node', count(live['lost_after_node'])))
    several = len(content['parts']) > 1
    failures = [
        (f'{part_title(part)}: {name}' if several else str(name), str(text))
        for part in content['parts']
        for name, text in part['failures'].items()
    ]
    return Ledger(
        tuple(sums),
        fates,
        tuple(beside),
        tuple(failures[:_SHOWN_FAILURES]),
    )


def live_facts(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How a live run was made and how fresh its outputs were; empty of an offline one."""
    live = content.get('live')
    if not live:
        return []
    age = live.get('age_ms') or {}
    found = [
        ('played at', f'{float(live["speed"]):g} times the recorded speed'),
        ('the player was late by', f'{decimal(live.get("player_late_p95"))} ms (95 % of messages)'),
    ]
    for key, words in (
        ('p50', 'age of the newest mask, median'),
        ('p95', 'the same, 95th percentile'),
        ('p99', 'the same, 99th percentile'),
        ('first_half', 'median in the first half of the run'),
        ('second_half', 'median in the second half'),
    ):
        if age.get(key) is not None:
            found.append((words, f'{decimal(age[key])} ms'))
    return found


def configuration(content: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """How the metrics were made: titles, each with names and values."""
    blocks = [
        ('Network', {k: v for k, v in content['network'].items() if k != 'sha256'}),
        ('Settings', content['settings']),
        ('Machine', content['hardware']),
        ('Versions', content['versions']),
        (
            'Hashes',
            {
                'model': content['network'].get('sha256', ''),
                'labels': content['labels_sha256'],
                'images': content['images_sha256'],
            },
        ),
    ]
    node = (content.get('live') or {}).get('node')
    if node:
        blocks.append(('Node', node))
    return [(name, _lines(block)) for name, block in blocks]


def sources(content: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Where the frames of each part are from."""
    return [(part_title(part), _lines(part['source'])) for part in content['parts']]


def _lines(block: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values; what is not known is left out."""
    found = []
    for key, value in block.items():
        if isinstance(value, Mapping):
            found += [(f'{key}.{name}', text) for name, text in _lines(value)]
        elif value not in ('', None):
            text = value if isinstance(value, str) else json.dumps(value)
            found.append((str(key), text))
    return found
