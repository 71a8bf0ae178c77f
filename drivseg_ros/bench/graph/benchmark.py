# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes x sizes x cameras x transports: peak rate, and latency, freshness and loss at fixed rates.

The nodes take turns, run after run, each started afresh, so that whatever else the machine does
hits all of them alike.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivseg_ros.base.environment import describe_run
from drivseg_ros.base.interruption import exit_status
from drivseg_ros.base.json_data import to_plain
from drivseg_ros.bench.graph.node_under_test import NodeUnderTest
from drivseg_ros.bench.graph.options import GraphOptions
from drivseg_ros.bench.graph.peak import HOLDS, Peak, find_peak
from drivseg_ros.bench.graph.session import Session, Setup
from drivseg_ros.bench.graph.summary import summarize
from drivseg_ros.bench.graph.trial import MAX_LOSS, MIN_PACE
from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.live.ros_domain import need_rclpy
from drivseg_ros.model.file import read_model_file

# With fewer messages, one lost at the end of a probe would decide.
_LEAST_PROBED = 21
# A probe that fails by less than this is done once more: a hiccup of the machine is not a limit.
_NEARLY = 0.8

OnProgress = Callable[[int, int, str], None]
"""Called with the steps done, the steps there are, and what comes next."""


@dataclass
class _Row:
    """A node with a setup, and what is known of it so far."""

    node: NodeUnderTest
    setup: Setup
    problem: str = ''
    input: dict[str, Any] = field(default_factory=dict)
    output_types: dict[str, str] = field(default_factory=dict)
    first_outputs_s: list[float] = field(default_factory=list)
    peak: Peak | None = None
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def take_turn(self, options: GraphOptions, folder: Path, note: Callable[[str], None]) -> None:
        """One run at each rate, after the search for the peak if it is the first turn."""
        try:
            with Session(self.node, self.setup, folder) as session:
                self.input, self.output_types = session.input, session.output_types
                self.first_outputs_s.append(round(session.first_output_s, 3))
                if options.peak and self.peak is None:
                    note('peak rate')
                    self.peak = _search(session, options)
                if self.peak is not None and self.peak.rate_hz:
                    note(f'{self.peak.rate_hz:g} Hz (peak)')
                    self._run(session, 'peak', self.peak.rate_hz, options.duration_s)
                for rate_hz in options.rates_hz:
                    note(f'{rate_hz:g} Hz')
                    self._run(session, f'{rate_hz:g}', rate_hz, options.duration_s)
        except DrivsegError as error:
            self.problem = str(error)

    def _run(self, session: Session, name: str, rate_hz: float, seconds: float) -> None:
        trial, usage = session.trial(rate_hz, seconds=seconds)
        run = {'verdict': trial.verdict, **to_plain(trial)}
        run['metrics'] = {**run['metrics'], **usage}
        self.runs.setdefault(name, []).append(run)

    def describe(self) -> dict[str, Any]:
        """As plain data."""
        choice = self.setup.input
        return {
            'node': self.node.name,
            'width': choice.width,
            'height': choice.height,
            'transport': choice.transport,
            'cameras': self.setup.cameras,
            'problem': self.problem,
            'input': self.input,
            'output_types': self.output_types,
            'first_output_s': self.first_outputs_s,
            'peak': to_plain(self.peak),
            'rates': [
                {'name': name, **summarize(runs), 'runs': runs} for name, runs in self.runs.items()
            ],
        }


def benchmark_graph(
    options: GraphOptions,
    *,
    dds_profile: str,
    on_progress: OnProgress = lambda done, total, what: None,
) -> dict[str, Any]:
    """Measures nodes.

    Ctrl-C, and a signal that `bags.interruption.orderly_end` makes an exception of, end it early
    with what there is.

    Args:
        options: see there.
        dds_profile: what all processes find in their environment, for the report.
        on_progress: see OnProgress.

    Returns:
        The whole configuration, hardware, versions, hash of model and input, and a row by setup and
        node: the peak rate and its search, and by rate all runs and their summary. A node that dies
        or does not answer has a `problem`. `interrupted` is 0, or the exit status that the
        interruption asks for.

    Raises:
        MissingDependencyError: if rclpy is not installed.
        ModelError: if the model file is none.
    """
    need_rclpy('a benchmark of nodes')
    model = read_model_file(Path(options.model))
    groups = [[_Row(node, setup) for node in options.nodes] for setup in options.setups()]
    total = sum(map(len, groups)) * options.runs
    done = 0
    interrupted = 0
    with tempfile.TemporaryDirectory(prefix='drivseg-bench-') as logs:
        try:
            for rows in groups:
                for turn in range(options.runs):
                    for row in rows:
                        title = _title(row)

                        def note(what: str, at: int = done, title: str = title) -> None:
                            on_progress(at, total, f'{title}: {what}')

                        note('start')
                        if not row.problem:
                            row.take_turn(options, Path(logs) / f'{done}', note)
                        done += 1
                        on_progress(done, total, f'{title}: run {turn + 1}')
        except KeyboardInterrupt as interrupt:
            interrupted = exit_status(interrupt)
    return {
        'kind': 'bench graph',
        'interrupted': interrupted,
        **describe_run(),
        'model': {
            'model': model.card.name,
            'file': model.path.name,
            'sha256': model.sha256,
        },
        'dds_profile': dds_profile,
        'held': {'loss_below': MAX_LOSS, 'pace_at_least': MIN_PACE},
        'configuration': options.describe(),
        'rows': [row.describe() for rows in groups for row in rows],
    }


def _search(session: Session, options: GraphOptions) -> Peak:
    def probe(rate_hz: float) -> str:
        trial, _ = session.trial(rate_hz, seconds=options.probe_s, least=_LEAST_PROBED)
        pace = trial.metrics['pace'] or 0.0
        if trial.verdict != HOLDS and min(1 - trial.ledger.loss, pace) > _NEARLY:
            trial, _ = session.trial(rate_hz, seconds=options.probe_s, least=_LEAST_PROBED)
        return trial.verdict

    return find_peak(probe, lowest_hz=options.lowest_hz, highest_hz=options.highest_hz)


def _title(row: _Row) -> str:
    choice = row.setup.input
    cameras = f', {row.setup.cameras} cameras' if row.setup.cameras > 1 else ''
    return f'{row.node.name}, {choice.width}x{choice.height} {choice.transport}{cameras}'
