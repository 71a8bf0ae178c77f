# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The process in which a plan is built: `python -m drivseg_ros.engines.build_process REQUEST`.

It writes JSON lines to stdout: {"step", "fraction"}, {"log", "is_error"}, {"error"}. The plan goes
into the cache. It does not outlive its parent, gives way to the node, and is the first to be
killed where memory runs out.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from drivseg_ros.engines.base import BuildProgress
from drivseg_ros.engines.plan_cache import PlanCache, PlanKey
from drivseg_ros.engines.tensorrt_build import BuildOptions, build_plan
from drivseg_ros.engines.tensorrt_library import load_tensorrt
from drivseg_ros.errors import DrivsegError, EngineError

_PR_SET_PDEATHSIG = 1
_NICE = 10
_OOM_SCORE = 500

Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class BuildRequest:
    """What the process is asked for.

    Attributes:
        model: path of the .onnx file.
        cache: the folder of plans.
        key: of the plan.
        options: for the builder.
        parent: process id of the asker.
    """

    model: str
    cache: str
    key: PlanKey
    options: BuildOptions
    parent: int

    def to_json(self) -> str:
        """As one line."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> BuildRequest:
        """The inverse of `to_json`."""
        fields = json.loads(text)
        fields['key'] = PlanKey(**fields['key'])
        fields['options'] = BuildOptions(**fields['options'])
        return BuildRequest(**fields)


def main() -> None:
    """Builds the plan that the command line asks for."""
    request = BuildRequest.from_json(sys.argv[1])
    # What libraries print must not come between the JSON lines.
    channel = os.fdopen(os.dup(1), 'w', buffering=1)
    os.dup2(2, 1)
    lock = threading.Lock()

    def tell(message: dict[str, Any]) -> None:
        with lock:
            channel.write(json.dumps(message) + '\n')

    _die_with(request.parent)
    _give_way()
    try:
        _build(request, tell)
    except DrivsegError as error:
        tell({'error': str(error)})
        channel.flush()
        # TensorRT's destructors run threads of their own; there is nothing left to save.
        os._exit(1)
    channel.flush()
    os._exit(0)


def _build(request: BuildRequest, tell: Tell) -> None:
    def tell_progress(progress: BuildProgress) -> None:
        tell({'step': progress.step, 'fraction': progress.fraction})

    def tell_log(text: str, is_error: bool) -> None:
        tell({'log': text, 'is_error': is_error})

    try:
        model = Path(request.model).read_bytes()
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
    plan = build_plan(model, library, request.options, on_progress=tell_progress, on_log=tell_log)
    tell_progress(BuildProgress('the plan is written', 1.0))
    PlanCache(Path(request.cache)).store(request.key, plan)


def _die_with(parent: int) -> None:
    """Ends this process when its parent does, at once and in two ways.

    The kernel's signal comes when the thread that started this process ends; the end of stdin
    comes when the parent closes it, or is gone before the signal was asked for.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _give_way() -> None:
    os.nice(_NICE)
    try:
        Path('/proc/self/oom_score_adj').write_text(str(_OOM_SCORE))
    except OSError:  # not to be had in some containers
        return


if __name__ == '__main__':
    main()
