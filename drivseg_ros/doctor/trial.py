# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every engine, asked what it has and tried on one frame, each in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivseg_ros.base.install_hint import pip_install
from drivseg_ros.doctor.finding import Finding, Section, note, problem, run_checks

ENGINES = ('onnxruntime', 'openvino', 'torch', 'tensorrt', 'onnxruntime_tensorrt')
"""The engines, in the order of the page."""
_AUTO = 'auto'
_TIMEOUT_S = 120.0
_AGREEMENT = 0.995  # as `drivseg parity` asks
_CHILD = [sys.executable, '-m', 'drivseg_ros.doctor.trial_child']


@dataclass(frozen=True)
class Trial:
    """What became of one engine.

    Attributes:
        result: what the process told.
        death: how it ended, if not as it should; else ''.
    """

    result: dict[str, Any] = field(default_factory=dict)
    death: str = ''


def check_engines(
    model: str, *, self_test: bool, on_step: Callable[[str], None] = lambda _: None
) -> Section:
    """The section about engines.

    Args:
        model: name or path of the network to try.
        self_test: whether to run each engine on a frame, too.
        on_step: told what is being done.
    """
    with tempfile.TemporaryDirectory(prefix='drivseg_doctor_') as folder:

        def check(engine: str) -> Callable[[], Iterator[Finding]]:
            def run() -> Iterator[Finding]:
                on_step(f'trying {engine}' if self_test else f'looking at {engine}')
                trial = run_trial(engine, model, Path(folder), self_test=self_test)
                yield from describe(engine, trial, self_test=self_test)

            return run

        engines = (*ENGINES, *([_AUTO] if self_test else []))
        return run_checks('Engines', {engine: check(engine) for engine in engines})


def run_trial(
    engine: str,
    model: str,
    folder: Path,
    *,
    self_test: bool,
    command: list[str] | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> Trial:
    """Asks and tries one engine.

    Args:
        engine: its name.
        model: name or path of the network.
        folder: for the files of all trials of one examination.
        self_test: whether to run a frame.
        command: the process to start; None takes trial_child.py.
        timeout_s: after so long it is ended.
    """
    results = folder / f'{engine}.jsonl'
    arguments = ['--results', str(results), '--reference', str(folder / 'reference.npy')]
    arguments += ['--model', model, *([] if self_test else ['--no-trial'])]
    death = ''
    try:
        done = subprocess.run(
            [*(command or _CHILD), engine, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors='replace',
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        death = f'it hung, and was ended after {timeout_s:.0f} s'
    else:
        if done.returncode < 0:
            death = f'it crashed ({_signal_name(-done.returncode)})'
        elif done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            death = lines[-1].strip() if lines else f'it ended with status {done.returncode}'
    result: dict[str, Any] = {}
    if results.exists():
        for line in results.read_text().splitlines():
            result |= json.loads(line)
    return Trial(result, death)


def describe(engine: str, trial: Trial, *, self_test: bool) -> Iterator[Finding]:
    """The findings about one engine.

    Args:
        engine: its name.
        trial: what became of it.
        self_test: whether a frame was to be run.
    """
    result = trial.result
    # Without trials, what every installation must have stands for the default engine.
    stops = engine == (_AUTO if self_test else 'onnxruntime')
    name = 'auto (the default)' if engine == _AUTO else engine
    parts = [result.get('version', ''), ', '.join(result.get('devices', ()))]
    value = ': '.join(part for part in parts if part)
    if 'missing' in result:
        yield note(name, 'not to be had', result['missing'])
        return
    fault = result.get('error', trial.death)
    if fault:
        advice = f'install {engine} again, or take another engine'
        if engine == _AUTO:
            advice = 'name an engine that works'
        elif engine == 'onnxruntime':
            advice = f'{pip_install("--force-reinstall", "onnxruntime")} (or onnxruntime-gpu)'
        prefix = f'{value}; ' if value else ''
        yield problem(name, f'{prefix}{fault}', advice, stops=stops, data=result)
        return
    if not self_test:
        yield Finding(name, value, data=result)
        return
    if 'untried' in result:
        yield note(name, f'{value}; {result["untried"]}'.removeprefix('; '), data=result)
        return
    threads = f', {result["threads"]} thread{"s" if result["threads"] > 1 else ""}'
    where = f'{result["device"]}, {result["precision"]}{threads}'
    text = (
        f'{value}; one frame on {where}: {result["infer_ms"]:.1f} ms, ready in '
        f'{result["load_ms"]:.0f} ms, {100 * result["agreement"]:.2f} % of the pixels as '
        'onnxruntime has them'
    ).removeprefix('; ')
    if engine == _AUTO:
        text += f' ({result["choice"]})'
    if result['agreement'] < _AGREEMENT:
        yield problem(
            name,
            text,
            'do not use it for this network; drivseg parity tells more. A newer version of the '
            'runtime or the driver may cure it',
            stops=engine == _AUTO,
            data=result,
        )
    else:
        yield Finding(name, text, data=result)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f'signal {number}'
