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
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import drivseg_ros
from drivseg_ros.base.json_data import from_plain, parse_json, to_plain
from drivseg_ros.base.library import import_library
from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.base.writable import who_else_may_write
from drivseg_ros.errors import DataError, EngineError

SUFFIX = '.plan'
LOG_SUFFIX = '.log'
LOCK_SUFFIX = '.lock'
_MAGIC = b'drivseg plan 1\n'
_MAX_HEADER = 1 << 20
# The builder needs about this many times the model file; a plan is seldom larger than the model.
_ROOM_FACTOR = 2
_ADVICE = 'make room (drivseg engine prune), or set $DRIVSEG_CACHE to another folder'

_log = logging.getLogger(__name__)


def cache_directory() -> Path:
    """$DRIVSEG_CACHE, else drivseg_ros in the user's folder of caches ($XDG_CACHE_HOME, ~/.cache).

    Raises:
        EngineError: if that needs a home folder, and this user has none, as in some containers.
    """
    own = os.environ.get('DRIVSEG_CACHE')
    try:
        if not own:
            own = import_library('platformdirs', extra='').user_cache_dir('drivseg_ros')
        return Path(own).expanduser()
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
        """The plan's payload; None if there is no plan, or none that is whole (which is logged).

        Raises:
            EngineError: if others may write it: a runtime runs what stands in a plan.
        """
        path = self.path(key)
        check_private(self.directory)
        try:
            check_private(path)
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
            EngineError: if it cannot be written: no room, no permission; if others may write there.
        """
        check_private(self.directory)
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
                os.fchmod(file.fileno(), 0o644)  # whatever the umask
                file.write(_MAGIC + json.dumps(to_plain(header)).encode() + b'\n')
                file.write(payload)
        except DataError as error:
            raise EngineError(f'the plan of {megabytes(len(payload))}: {error}') from None
        return path

    def remove(self, key: PlanKey) -> None:
        """Removes a plan, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self.path(key).unlink()

    def check_room(self, model_size: int) -> None:
        """Refuses a build whose result could not be kept, before it takes its time.

        Args:
            model_size: of the model file, in bytes.

        Raises:
            EngineError: if the folder cannot be written, or others may write it, or it has little
                room left.
        """
        check_private(self.directory)
        wanted = _ROOM_FACTOR * model_size
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
                f'about {megabytes(wanted)} are needed in {self.directory} for the plan, and '
                f'{megabytes(free)} are free; {_ADVICE}'
            )

    @contextlib.contextmanager
    def lock(self, key: PlanKey, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Keeps other processes from building the same plan meanwhile.

        The kernel gives the lock back when its holder ends, however it ends.

        Args:
            key: of the plan.
            waiting: called once if another process has the lock.
        """
        filelock = import_library('filelock', extra='')
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = filelock.FileLock(self.directory / f'{key.stem}{LOCK_SUFFIX}')
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            waiting()
            lock.acquire()
        except (OSError, NotImplementedError):
            pass  # a file system without locks: plans are whole without, too, but built twice
        try:
            yield
        finally:
            lock.release()

    def is_locked(self, stem: str) -> bool:
        """Whether a process holds the lock of a plan, by the name of its files."""
        path = self.directory / f'{stem}{LOCK_SUFFIX}'
        if not path.exists():
            return False
        filelock = import_library('filelock', extra='')
        try:
            with filelock.FileLock(path, timeout=0):
                return False
        except (OSError, NotImplementedError):  # that of filelock.Timeout, too
            return True


def check_private(path: Path) -> None:
    """Refuses a file or folder of plans that others may write; one that is not there is fine.

    Raises:
        EngineError: if others may write it.
    """
    try:
        who = who_else_may_write(path.stat())
    except OSError:  # whoever reads or writes there reports it
        return
    if who:
        raise EngineError(
            f'{path} holds built engines, which are run as they stand, and {who}; what only this '
            f'user may write is allowed: chown and chmod go-w {path}, or set $DRIVSEG_CACHE to '
            'another folder'
        )


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
            data = parse_json(line.decode(errors='replace'), 'the header')
            header = from_plain(PlanHeader, data, 'the header')
        except DataError:
            raise ValueError('its header is damaged') from None
        size = os.fstat(file.fileno()).st_size - len(_MAGIC) - len(line)
        if size != header.size:
            raise ValueError(f'it is cut off or damaged ({size} of {header.size} bytes)')
        content = file.read() if payload else b''
    if payload and hashlib.sha256(content).hexdigest() != header.sha256:
        raise ValueError('it is damaged (its hash differs from the one it was written with)')
    return header, content


def megabytes(size: float) -> str:
    """A number of bytes for people."""
    return f'{size / 1e6:.1f} MB'
