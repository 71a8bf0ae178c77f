# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The process in which a plan is built (`python -m` this module), and what starts it.

The plan goes into the cache. The process gives way to the node, and is the first to be killed where
memory runs out.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivseg_ros.base.child import OnNote, Worker, serve
from drivseg_ros.engines.base import BuildProgress, OnProgress
from drivseg_ros.engines.plan_cache import PlanCache, PlanKey
from drivseg_ros.engines.tensorrt_build import BuildOptions, build_plan
from drivseg_ros.engines.tensorrt_library import load_tensorrt
from drivseg_ros.errors import DrivsegError, EngineError

_MODULE = 'drivseg_ros.engines.build_process'
_NICE = 10
_OOM_SCORE = 500

OnLine = Callable[[str], None]
"""Called with each line of the builder's log."""


@dataclass(frozen=True)
class BuildRequest:
    """What the process is asked for.

    Attributes:
        model: path of the .onnx file.
        cache: the folder of plans.
        key: of the plan.
        options: for the builder.
    """

    model: Path
    cache: Path
    key: PlanKey
    options: BuildOptions


def build_in_child(
    request: BuildRequest, *, log: Path, on_progress: OnProgress, on_line: OnLine | None = None
) -> None:
    """Builds a plan into the cache, in another process.

    An exception that `on_progress` or `on_line` raises ends the build, and is passed on.

    Args:
        request: what to build.
        log: file that gets the builder's log.
        on_progress: called with how far it is.
        on_line: called with each line of the log.

    Raises:
        EngineError: if there is no plan at the end; the text says why.
    """

    def on_note(note: Mapping[str, Any]) -> None:
        if 'line' not in note:
            on_progress(BuildProgress(note['step'], note['fraction']))
        elif on_line is not None:
            on_line(note['line'])

    with Worker('the builder', _MODULE, log=log) as worker:
        try:
            worker.ask(request, on_note=on_note)
        except DrivsegError as error:
            raise EngineError(f'no plan for {request.model}: {error}; the log is {log}') from None
        # TensorRT's destructors run threads of their own; there is nothing left to save.
        worker.kill()


def build(request: BuildRequest, note: OnNote) -> None:
    """Builds the plan; notes are {'step', 'fraction'} and {'line'}."""

    def on_log(text: str, is_error: bool) -> None:
        with contextlib.suppress(OSError):  # there may be no room for the log
            sys.stderr.write(f'{text}\n')
        note({'line': text})

    _give_way()
    try:
        model = request.model.read_bytes()
    except OSError as error:
        raise EngineError(f'{request.model} cannot be read: {error.strerror}') from None
    if hashlib.sha256(model).hexdigest() != request.key.model_sha256:
        raise EngineError(
            f'{request.model} was changed after it had been loaded; load the model again'
        )
    library = load_tensorrt()
    if (library.name, library.version) != (request.key.runtime, request.key.runtime_version):
        raise EngineError(
            f'{library.name} {library.version} was installed meanwhile, in the place of '
            f'{request.key.runtime} {request.key.runtime_version}; start again'
        )
    plan = build_plan(model, library, request.options, on_progress=note, on_log=on_log)
    note(BuildProgress('the plan is written', 1.0))
    PlanCache(request.cache).store(request.key, plan)


def _give_way() -> None:
    os.nice(_NICE)
    with contextlib.suppress(OSError):  # not available in some containers
        Path('/proc/self/oom_score_adj').write_text(str(_OOM_SCORE))


if __name__ == '__main__':
    serve(build, BuildRequest)
