# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A folder of the user's in which built engines ("plans") are kept.

A plan is one file: a line that says what it is, a line of JSON (the key, the size and hash of the
payload), and the payload. It is written beside its place and renamed into it, so that a process
killed at any moment leaves either the whole plan or none; a load checks all of it.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import drivseg_ros
from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import DataError, EngineError

SUFFIX = '.plan'
LOG_SUFFIX = '.log'
LOCK_SUFFIX = '.lock'
_MAGIC = b'drivseg plan 1\n'
_MAX_HEADER = 1 << 20
_POLL_S = 0.2
# The builder needs about this many times the model file; a plan is seldom larger than the model.
_ROOM_FACTOR = 2
_ADVICE = 'make room (drivseg engine prune), or set $DRIVSEG_CACHE to another folder'

_log = logging.getLogger(__name__)


def cache_directory() -> Path:
    """$DRIVSEG_CACHE, else $XDG_CACHE_HOME/drivseg_ros, else ~/.cache/drivseg_ros.

    Raises:
        EngineError: if that needs a home folder, and this user has none, as in some containers.
    """
    own = os.environ.get('DRIVSEG_CACHE')
    base = os.environ.get('XDG_CACHE_HOME')
    try:
        if own:
            return Path(own).expanduser()
        return (Path(base) if base else Path.home() / '.cache') / 'drivseg_ros'
    except RuntimeError:
        raise EngineError(
            'there is no folder for built engines, because this user has no home; set '
            '$DRIVSEG_CACHE to a folder'
        ) from None


@dataclass(frozen=True)
class PlanKey:
    """What a plan was made from and for; it is used for nothing else.

    Attributes:
        model_sha256: hash of the model file.
        runtime: name of the runtime's Python distribution, e.g. 'tensorrt_rtx'.
        runtime_version: its version, as the distribution states it.
        device: the device it runs on, as exactly as the plan depends on it.
        precision: 'fp32', 'fp16', 'bf16' or 'int8'.
        min_batch: the smallest batch.
        max_batch: the largest batch.
        height: of the network's input; width likewise.
        model_path: where the model file was, for people; it is not compared.
    """

    model_sha256: str
    runtime: str
    runtime_version: str
    device: str
    precision: str
    min_batch: int
    max_batch: int
    height: int
    width: int
    model_path: str = field(default='', compare=False)

    @property
    def stem(self) -> str:
        """The name of its files, without suffix."""
        values = {k: v for k, v in asdict(self).items() if k != 'model_path'}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]

    def __str__(self) -> str:
        batch = (
            f'{self.max_batch}'
            if self.min_batch == self.max_batch
            else f'{self.min_batch} to {self.max_batch}'
        )
        return (
            f'{Path(self.model_path).stem or self.model_sha256[:12]} for {self.runtime} '
            f'{self.runtime_version} on {self.device}, {self.precision}, batch {batch}'
        )


@dataclass(frozen=True)
class PlanHeader:
    """What stands before the payload."""

    key: PlanKey
    size: int
    sha256: str
    created: str
    drivseg: str


class PlanCache:
    """The plans in one folder.

    Args:
        directory: the folder; None takes `cache_directory()`. It is made when needed.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = cache_directory() if directory is None else directory

    def path(self, key: PlanKey) -> Path:
        """Where the plan is, or would be."""
        return self.directory / f'{key.stem}{SUFFIX}'

    def log_path(self, key: PlanKey) -> Path:
        """Where the builder's log is, or would be."""
        return self.directory / f'{key.stem}{LOG_SUFFIX}'

    def has(self, key: PlanKey) -> bool:
        """Whether there is a plan of the right key and size; its hash is left to `load`."""
        try:
            header, _ = read_plan(self.path(key), payload=False)
        except (OSError, ValueError):
            return False
        return header.key == key

    def load(self, key: PlanKey) -> bytes | None:
        """The plan's payload; None if there is no plan, or none that is whole (which is logged)."""
        path = self.path(key)
        try:
            header, payload = read_plan(path)
            if header.key != key:
                raise ValueError(f'it is the plan of {header.key}')
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            _log.warning('%s is not used, and made again: %s', path, error)
            return None
        with contextlib.suppress(OSError):  # another user's, perhaps; only `prune` reads it
            os.utime(path)
        return payload

    def store(self, key: PlanKey, payload: bytes) -> Path:
        """Writes a plan, whole or not at all.

        Raises:
            EngineError: if it cannot be written: no room, no permission.
        """
        header = PlanHeader(
            key=key,
            size=len(payload),
            sha256=hashlib.sha256(payload).hexdigest(),
            created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
            drivseg=drivseg_ros.__version__,
        )
        path = self.path(key)
        with contextlib.suppress(OSError):  # the next one reports it
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with (
                whole_file(path, durable=True, advice=_ADVICE) as partial,
                partial.open('wb') as file,
            ):
                file.write(_MAGIC + json.dumps(asdict(header)).encode() + b'\n')
                file.write(payload)
        except DataError as error:
            raise EngineError(f'the plan of {megabytes(len(payload))}: {error}') from None
        return path

    def remove(self, key: PlanKey) -> None:
        """Removes a plan, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self.path(key).unlink()

    def check_room(self, model: Path) -> None:
        """Refuses a build whose result could not be kept, before it takes its time.

        Raises:
            EngineError: if the folder cannot be written, or has little room left.
        """
        try:
            wanted = _ROOM_FACTOR * model.stat().st_size
        except OSError as error:
            raise EngineError(f'{model} cannot be read: {error.strerror}') from None
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.directory):
                pass
            free = shutil.disk_usage(self.directory).free
        except OSError as error:
            raise EngineError(
                f'plans cannot be written to {self.directory}: {error.strerror or error}; make it '
                'writable, or set $DRIVSEG_CACHE to a folder that is'
            ) from None
        if free < wanted:
            raise EngineError(
                f'about {megabytes(wanted)} are needed in {self.directory} for the plan of '
                f'{model}, and {megabytes(free)} are free; {_ADVICE}'
            )

    @contextlib.contextmanager
    def lock(self, key: PlanKey, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Keeps other processes from building the same plan meanwhile.

        The kernel gives the lock back when its holder ends, however it ends.

        Args:
            key: of the plan.
            waiting: called once if another process has the lock.
        """
        path = self.directory / f'{key.stem}{LOCK_SUFFIX}'
        file = _lock(path, waiting)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
            file.close()


def read_plan(path: Path, *, payload: bool = True) -> tuple[PlanHeader, bytes]:
    """Reads and checks a plan file.

    Args:
        path: the file.
        payload: whether to read the payload and check its hash, too.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no plan, or is not whole; the text says what is wrong.
    """
    with path.open('rb') as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError('it is no plan of this version of drivseg_ros')
        line = file.readline(_MAX_HEADER)
        try:
            header = _read_header(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError('its header is damaged') from None
        size = os.fstat(file.fileno()).st_size - len(_MAGIC) - len(line)
        if size != header.size:
            raise ValueError(f'it is cut off or damaged ({size} of {header.size} bytes)')
        data = file.read() if payload else b''
    if payload and hashlib.sha256(data).hexdigest() != header.sha256:
        raise ValueError('it is damaged (its hash differs from the one it was written with)')
    return header, data


def megabytes(size: float) -> str:
    """A number of bytes for people."""
    return f'{size / 1e6:.1f} MB'


def _read_header(fields: dict[str, Any]) -> PlanHeader:
    return PlanHeader(**{**fields, 'key': PlanKey(**fields['key'])})


def _lock(path: Path, waiting: Callable[[], None] | None) -> BinaryIO:
    told = False
    while True:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = path.open('ab')
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            if waiting is not None and not told:
                waiting()
            told = True
            time.sleep(_POLL_S)
            continue
        except OSError:  # a file system without locks: renaming keeps plans whole without, too
            return file
        try:
            same = os.path.samestat(os.fstat(file.fileno()), path.stat())
        except FileNotFoundError:
            same = False
        if same:
            return file
        file.close()  # its holder removed the file when it was done: there may be a new one
