# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is in the folder of plans, and what of it may go."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.base.whole_file import PARTIAL
from drivseg_ros.engines.plan_cache import (
    LOCK_SUFFIX,
    LOG_SUFFIX,
    SUFFIX,
    PlanCache,
    PlanHeader,
    read_plan,
)
from drivseg_ros.errors import EngineError

_DAY_S = 86_400.0
# Folders in which runtimes keep engines on their own, in files that only they can read.
_FOLDERS = ('onnxruntime_tensorrt',)
# A file that is being written changes all the time.
_YOUNG_S = 3600.0


@dataclass(frozen=True)
class StoredPlan:
    """A plan file.

    Attributes:
        path: of the file.
        size: of the file, in bytes.
        header: what it says of itself; None if it is damaged.
        defect: what is wrong with it; '' if nothing is.
        used: when it was last loaded, or written, in seconds since 1970.
    """

    path: Path
    size: int
    header: PlanHeader | None
    defect: str
    used: float


@dataclass(frozen=True)
class Removal:
    """A file that goes, and why."""

    path: Path
    size: int
    reason: str


def list_plans(cache: PlanCache) -> list[StoredPlan]:
    """The plans in the folder, the one used last first.

    Raises:
        EngineError: if the folder cannot be read.
    """
    plans = []
    for path in _files(cache, SUFFIX):
        header, defect = None, ''
        try:
            header, _ = read_plan(path, payload=False)
        except (OSError, ValueError) as error:
            defect = str(error)
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            plans.append(StoredPlan(path, status.st_size, header, defect, status.st_mtime))
    return sorted(plans, key=lambda plan: -plan.used)


def obsolete_because(plan: StoredPlan) -> str:
    """Why nothing on this machine can use the plan any more; '' if it may still be of use."""
    if plan.header is None:
        return plan.defect
    key = plan.header.key
    try:
        version = importlib.metadata.version(key.runtime)
    except importlib.metadata.PackageNotFoundError:
        if importlib.util.find_spec(key.runtime) is None:
            return f'{key.runtime} is not installed any more'
        version = key.runtime_version  # installed without saying which one
    # OpenVINO states its build, too: 2026.4.0-1234-releases.
    if version not in (key.runtime_version, key.runtime_version.partition('-')[0]):
        return f'made with {key.runtime} {key.runtime_version}, and {version} is installed'
    try:
        model = Path(key.model_path).read_bytes()
    except OSError:
        return f'its model {key.model_path} is gone'
    if hashlib.sha256(model).hexdigest() != key.model_sha256:
        return f'its model {key.model_path} has changed'
    return ''


def find_removals(
    cache: PlanCache, *, unused_days: float | None = None, everything: bool = False
) -> list[Removal]:
    """What `prune` is to remove: plans that nothing can use any more, and leftovers.

    Args:
        cache: the folder.
        unused_days: also plans that were not used for so many days.
        everything: all plans.

    Raises:
        EngineError: if the folder cannot be read.
    """
    removals = []
    kept = set()

    def consider(path: Path, reason: str = '') -> None:
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            days = (time.time() - status.st_mtime) / _DAY_S
            if not reason and unused_days is not None and days > unused_days:
                reason = f'not used for {days:.0f} days'
            if not reason and everything:
                reason = 'all were asked for'
            if reason:
                removals.append(Removal(path, status.st_size, reason))
            else:
                kept.add(path.stem)

    for plan in list_plans(cache):
        consider(plan.path, obsolete_because(plan))
    for folder in _FOLDERS:
        for path in _files_below(cache.directory / folder):
            consider(path)
    for path in _files(cache, SUFFIX, partial=True):
        if time.time() - path.stat().st_mtime > _YOUNG_S:
            consider(path, 'left by a process that was killed')
    for path in _files(cache, LOG_SUFFIX, LOCK_SUFFIX):
        if path.stem not in kept and not cache.is_locked(path.stem):
            consider(path, f'the {path.suffix.removeprefix(".")} of no plan')
    return removals


def remove(removals: list[Removal]) -> None:
    """Removes the files.

    Raises:
        EngineError: if one cannot be removed.
    """
    for removal in removals:
        try:
            removal.path.unlink(missing_ok=True)
        except OSError as error:
            raise EngineError(f'{removal.path} cannot be removed: {error.strerror}') from None


def list_folders(cache: PlanCache) -> dict[Path, int]:
    """The folders that runtimes fill themselves, and the bytes in each."""
    found = {}
    for name in _FOLDERS:
        files = _files_below(cache.directory / name)
        if files:
            found[cache.directory / name] = sum(f.stat().st_size for f in files)
    return found


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob('*') if path.is_file())


def _files(cache: PlanCache, *suffixes: str, partial: bool = False) -> Iterator[Path]:
    if not cache.directory.exists():
        return
    try:
        found = sorted(cache.directory.iterdir())
    except OSError as error:
        raise EngineError(f'{cache.directory} cannot be read: {error.strerror}') from None
    yield from (
        path
        for path in found
        if path.suffix in suffixes and (PARTIAL in path.suffixes) == partial and not path.is_dir()
    )
