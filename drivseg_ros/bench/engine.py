# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines x precisions x batch sizes x image sizes: how fast, how steady, how much memory.

Each configuration lives in a process of its own. They are all loaded first and then take turns,
a few runs each, round after round, so that whatever else the machine does hits all of them alike:
the ratios hold where the times do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from drivseg_ros.base.child import Worker
from drivseg_ros.base.environment import describe_run
from drivseg_ros.base.latency import percentile
from drivseg_ros.bench.streets import describe_streets
from drivseg_ros.engines.spec import EngineSpec
from drivseg_ros.errors import DrivsegError
from drivseg_ros.model.file import ModelFile

SIZES = ((1280, 720),)
RUNS_A_TURN = 5
_MODULE = 'drivseg_ros.bench.engine_worker'


@dataclass(frozen=True)
class Choice:
    """A configuration.

    Attributes:
        model: the model file.
        spec: engine, precision, device.
        batch: the batch size.
        bare: the runtime's own call instead of our engine.
    """

    model: ModelFile
    spec: EngineSpec
    batch: int
    bare: bool = False

    def __str__(self) -> str:
        bare = ' (bare)' if self.bare else ''
        return f'{self.model.path.name} on {self.spec}{bare}, batch {self.batch}'


@dataclass
class _Running:
    """A configuration that is being measured.

    Attributes:
        loaded: the worker's answer to loading it; empty before that, and if it failed.
        times: milliseconds by what was timed: 'infer', 'network', (width, height).
        problem: why it cannot be run.
    """

    choice: Choice
    worker: Worker
    loaded: dict[str, Any] = field(default_factory=dict)
    times: dict[Any, list[float]] = field(default_factory=dict)
    problem: str = ''

    def ask(self, request: dict[str, Any]) -> Any:
        """The worker's answer; None, and `problem` is set, if there is none."""
        try:
            return self.worker.ask(request)
        except DrivsegError as error:
            self.problem = str(error)
            return None

    def take_turn(self, sizes: Sequence[tuple[int, int]], runs: int) -> None:
        """Times everything a few times."""
        jobs: list[tuple[Any, dict[str, Any]]] = [('infer', {'do': 'infer'})]
        if self.loaded['times_network']:
            jobs.append(('network', {'do': 'network'}))
        if not self.choice.bare:
            jobs += [(size, {'do': 'segment', 'size': size}) for size in sizes]
        for key, request in jobs:
            times = None if self.problem else self.ask({**request, 'runs': runs})
            self.times.setdefault(key, []).extend(times or [])


def benchmark_engines(
    choices: Sequence[Choice],
    *,
    sizes: Sequence[tuple[int, int]] = SIZES,
    runs: int = 100,
    threads: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Measures engines.

    Args:
        choices: the configurations.
        sizes: (width, height) of the images.
        runs: how many runs of each.
        threads: CPU threads of each; 0 leaves the choice to the engine.
        on_progress: called with the steps done and the steps there are.

    Returns:
        Hardware, versions, threads, sizes, hash of the images, and a row by configuration.
    """
    turns = [min(RUNS_A_TURN, runs - done) for done in range(0, runs, RUNS_A_TURN)]
    steps = len(choices) * (1 + len(turns))
    with ExitStack() as stack:
        running: list[_Running] = []
        for choice in choices:
            worker = stack.enter_context(Worker(str(choice), _MODULE))
            one = _Running(choice, worker)
            one.loaded = one.ask({'do': 'load', 'choice': _as_data(choice, sizes, threads)}) or {}
            running.append(one)
            on_progress(len(running), steps)
        for number, turn in enumerate(turns):
            able = [one for one in running if not one.problem]
            # Nobody comes always after the same one.
            start = number % max(1, len(able))
            for one in able[start:] + able[:start]:
                one.take_turn(sizes, turn)
            on_progress(len(choices) * (number + 2), steps)
    rows = [_row(one, sizes) for one in running]
    _add_ratios(rows)
    return {
        'kind': 'bench engine',
        **describe_run(),
        'threads': threads,
        'runs': runs,
        'sizes': [list(size) for size in sizes],
        'input': describe_streets('seeds 1 to the batch size'),
        'rows': rows,
    }


def _as_data(choice: Choice, sizes: Sequence[tuple[int, int]], threads: int) -> dict[str, Any]:
    return {
        'model': str(choice.model.path),
        'spec': choice.spec,
        'bare': choice.bare,
        'batch': choice.batch,
        'sizes': [] if choice.bare else [list(size) for size in sizes],
        'threads': threads,
    }


def _row(one: _Running, sizes: Sequence[tuple[int, int]]) -> dict[str, Any]:
    choice, card = one.choice, one.choice.model.card
    row: dict[str, Any] = {
        'engine': {
            'model': card.name,
            'file': choice.model.path.name,
            'sha256': choice.model.sha256,
            'engine': choice.spec.engine + (' (bare)' if choice.bare else ''),
            'device': choice.spec.device,
            'precision': choice.spec.precision,
            **one.loaded.get('engine', {}),
        },
        'network': f'{card.architecture or card.name}, {card.input_width}x{card.input_height}, '
        f'{card.num_classes} classes',
        'batch': choice.batch,
        'problem': one.problem,
    }
    if one.problem:
        return row
    results = {what: _describe(times, choice.batch) for what, times in one.times.items()}
    alone = results.get('network')
    segment = []
    for size in [] if choice.bare else sizes:
        segment.append({'width': size[0], 'height': size[1], **results[size]})
        if alone is not None:
            around = results[size]['median_ms'] / alone['median_ms'] - 1
            segment[-1]['around_the_network'] = round(around, 4)
    return row | {
        'memory': one.loaded['memory'],
        'input_sha256': one.loaded['input_sha256'],
        'infer': results['infer'],
        'network_alone': alone,
        'segment': segment,
    }


def _describe(times_ms: Sequence[float], batch: int) -> dict[str, Any]:
    median = percentile(times_ms, 50)
    return {
        'count': len(times_ms),
        'median_ms': round(median, 4),
        'lower_quartile_ms': round(percentile(times_ms, 25), 4),
        'upper_quartile_ms': round(percentile(times_ms, 75), 4),
        'images_per_s': round(batch / median * 1e3, 3),
    }


def _add_ratios(rows: Sequence[dict[str, Any]]) -> None:
    """Adds the ratio of each median to the lowest of the same network, batch and size.

    An int8 file is the same network as the one that it was made from.
    """
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if not row['problem']:
            key = (row['network'], row['batch'])
            groups.setdefault((*key, 'infer'), []).append(row['infer'])
            for times in row['segment']:
                size = (times['width'], times['height'])
                groups.setdefault((*key, size), []).append(times)
    for group in groups.values():
        fastest = min(times['median_ms'] for times in group)
        for times in group:
            times['ratio'] = round(times['median_ms'] / fastest, 3)
