# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every engine, asked what it has and tried on one frame, each in a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from drivseg_ros.base.child import Worker
from drivseg_ros.base.install_hint import pip_install
from drivseg_ros.doctor.finding import Finding, Section, note, problem, run_checks
from drivseg_ros.errors import DrivsegError, MissingDependencyError

_AUTO = 'auto'
_TIMEOUT_S = 120.0
_AGREEMENT = 0.995  # as `drivseg parity` asks
_MODULE = 'drivseg_ros.doctor.trial_child'


def check_engines(*, self_test: bool, on_step: Callable[[str], None] = lambda _: None) -> Section:
    """The section about engines.

    Args:
        self_test: whether to run each engine on a frame, too.
        on_step: called with what is being done.
    """
    with tempfile.TemporaryDirectory(prefix='drivseg_doctor_') as folder:

        def check(engine: str) -> Callable[[], Iterator[Finding]]:
            def run() -> Iterator[Finding]:
                on_step(f'trying {engine}' if self_test else f'looking at {engine}')
                result = run_trial(engine, Path(folder), self_test=self_test)
                yield from describe(engine, result, self_test=self_test)

            return run

        engines = (*engine_names(), *([_AUTO] if self_test else []))
        return run_checks('Engines', {engine: check(engine) for engine in engines})


def engine_names() -> tuple[str, ...]:
    """The engines there are; none if what all of them need is missing, which 'auto' shows then."""
    try:
        from drivseg_ros.engines.registry import RUNTIMES
    except ImportError:
        return ()
    return tuple(RUNTIMES)


def run_trial(
    engine: str,
    folder: Path,
    *,
    self_test: bool,
    model: str = '',
    module: str = _MODULE,
    timeout_s: float = _TIMEOUT_S,
) -> dict[str, Any]:
    """Asks and tries one engine.

    Args:
        engine: its name.
        folder: for the files of all trials of one examination.
        self_test: whether to run a frame.
        model: name or path of the network; '' is the default one.
        module: what the process runs.
        timeout_s: after so long it is ended.

    Returns:
        What the process found, and 'missing' or 'error' if that was not all.
    """
    request = {'engine': engine, 'model': model, 'folder': folder, 'self_test': self_test}
    result: dict[str, Any] = {}
    try:
        with Worker(engine, module) as worker:
            worker.ask(request, on_note=result.update, timeout_s=timeout_s)
    except MissingDependencyError as error:
        result['missing'] = str(error)
    except DrivsegError as error:
        result['error'] = str(error)
    return result


def describe(engine: str, result: Mapping[str, Any], *, self_test: bool) -> Iterator[Finding]:
    """The findings about one engine.

    Args:
        engine: its name.
        result: what `run_trial` found.
        self_test: whether a frame was to be run.
    """
    # Without trials, what every installation must have stands for the default engine.
    stops = engine == (_AUTO if self_test else 'onnxruntime')
    name = 'auto (the default)' if engine == _AUTO else engine
    value = result.get('version', '')
    if 'devices' in result:
        value += f': {", ".join(result["devices"]) or "this machine has no device for it"}'
    if result.get('remark'):
        value += f'; {result["remark"]}'
    if 'missing' in result:
        yield note(name, 'not available', result['missing'])
        return
    if 'error' in result:
        advice = f'install {engine} again, or take another engine'
        if engine == _AUTO:
            advice = 'name an engine that works'
        elif engine == 'onnxruntime':
            advice = f'{pip_install("--force-reinstall", "onnxruntime")} (or onnxruntime-gpu)'
        prefix = f'{value}; ' if value else ''
        yield problem(name, f'{prefix}{result["error"]}', advice, stops=stops, data=result)
        return
    if not self_test:
        yield Finding(name, value, data=result)
        return
    if 'infer_ms' not in result:
        reason = f'; not tried: {result["untried"]}' if 'untried' in result else ''
        yield note(name, f'{value}{reason}', data=result)
        return
    threads = f', {result["threads"]} thread{"s" if result["threads"] > 1 else ""}'
    where = f'{result["device"]}, {result["precision"]}{threads}'
    text = (
        f'{value}; one frame on {where}: {result["infer_ms"]:.1f} ms, ready in '
        f'{result["load_ms"]:.0f} ms, {100 * result["agreement"]:.2f} % of the pixels as '
        'they should be'
    ).removeprefix('; ')
    if engine == _AUTO:
        text += f' ({result["choice"]})'
    if result['agreement'] < _AGREEMENT:
        yield problem(
            name,
            text,
            'do not use it for this network; drivseg parity shows more. A newer version of the '
            'runtime or the driver may help',
            stops=engine == _AUTO,
            data=result,
        )
    else:
        yield Finding(name, text, data=result)
