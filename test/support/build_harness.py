# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of engine builds share: a plan's key, and the processes that build it."""

from __future__ import annotations

import importlib.util
import os
import time
from pathlib import Path

import pytest

from drivseg_ros.engines.base import EngineOptions
from drivseg_ros.engines.plan_cache import PlanCache, PlanKey
from drivseg_ros.engines.tensorrt_library import load_tensorrt
from drivseg_ros.engines.tensorrt_plan import Target, choose_target, plan_key
from drivseg_ros.model.file import ModelFile, read_model_file

BUILDER = 'drivseg_ros.engines.build_process'

needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec('tensorrt_rtx') is None
    or importlib.util.find_spec('tensorrt') is not None,
    reason='tensorrt_rtx, which builds without a GPU, is not installed: '
    "pip install '.[tensorrt-rtx]'",
)
# So many convolutions that the builder is busy for a second.
SLOW = 200


def builders_of(parent: int) -> list[int]:
    """Process ids of the builders that a process has started."""
    found = []
    for folder in Path('/proc').iterdir():
        try:
            # "PID (NAME) STATE PPID ...", and the name may have spaces.
            state, ppid = (folder / 'stat').read_text().rpartition(')')[2].split()[:2]
            command = (folder / 'cmdline').read_bytes().decode(errors='replace')
        except (OSError, ValueError):
            continue
        if int(ppid) == parent and state != 'Z' and BUILDER in command:
            found.append(int(folder.name))
    return found


def wait_until_gone(process: int, *, seconds: float = 60) -> None:
    """Waits until a process has ended; a zombie has.

    Raises:
        TimeoutError: if it lives on.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(process, 0)
            state = Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0]
        except (OSError, IndexError):
            return
        if state == 'Z':
            return
        time.sleep(0.02)
    raise TimeoutError(f'process {process} lives on')


def prepare(path: Path, **options: object) -> tuple[ModelFile, PlanKey, Target]:
    model = read_model_file(path)
    library = load_tensorrt()
    # One capability, named, so that a GPU in the machine makes no difference.
    target = choose_target(library, 'auto', '8.9')
    return model, plan_key(model, EngineOptions(**options), library, target), target  # type: ignore[arg-type]


def plans_in(cache: PlanCache) -> list[str]:
    folder = cache.directory
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(p.suffix for p in files if p.suffix not in ('.log', '.lock'))
