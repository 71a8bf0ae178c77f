# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags for an evaluation of many: sound ones, a truncated one, and one that is never read out."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from color_bag import write_color_bag

TOPICS = ('--image-topic', '/cam/image_raw', '--label-topic', '/cam/label')
COUNT = 8
TRUNCATED = 3


def write_bags(folder: Path, count: int = COUNT) -> list[Path]:
    """Bags of two to four frames; no two have the same figures."""
    bags = [folder / f'drive{i}' for i in range(count)]
    for i, bag in enumerate(bags):
        write_color_bag(bag, frames=2 + i % 3, wrong_label=i % 2 if i > 1 else None)
    return bags


def truncate(bag: Path, size: int) -> None:
    """Leaves so many bytes of a bag's storage."""
    (storage,) = (p for p in bag.iterdir() if p.name != 'metadata.yaml')
    os.truncate(storage, size)


def write_endless_bag(bag: Path) -> Path:
    """A bag whose reader waits until it is killed: its metadata is a pipe; returns the pipe."""
    bag.mkdir()
    os.mkfifo(bag / 'metadata.yaml')
    return bag / 'metadata.yaml'


class Reader:
    """The process that opens a pipe; waits for it.

    Args:
        pipe: the pipe, which is held open from then on, with nothing in it.
    """

    def __init__(self, pipe: Path) -> None:
        self._pipe = pipe
        self._file = pipe.open('w')  # returns when somebody reads
        self.pid = self._find()

    def _find(self) -> int:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for found in Path('/proc').glob('[0-9]*'):
                if int(found.name) != os.getpid() and str(self._pipe) in _open_files(found):
                    return int(found.name)
        raise RuntimeError(f'nobody has {self._pipe} open')

    def ends(self) -> bool:
        """Waits for its end; whether it came."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if _state(self.pid) in ('', 'Z'):
                return True
            time.sleep(0.05)
        return False

    def close(self) -> None:
        """Lets go of the pipe."""
        with suppress(BrokenPipeError):
            self._file.close()


def kill_reader(pipe: Path, number: int) -> threading.Thread:
    """Sends a signal to the process that will open a pipe; the thread that waits for it."""

    def wait() -> None:
        reader = Reader(pipe)
        os.kill(reader.pid, number)
        reader.ends()
        reader.close()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def _open_files(process: Path) -> set[str]:
    names = set()
    with suppress(OSError):  # it has ended, or is somebody else's
        for descriptor in (process / 'fd').iterdir():
            with suppress(OSError):
                names.add(os.readlink(descriptor))
    return names


def _state(pid: int) -> str:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except OSError:
        return ''
