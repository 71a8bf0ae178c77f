# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writing files: whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivseg_ros.errors import DataError

PARTIAL = '.partial'
"""Part of the name of a file that is being written, or was when its writer was killed."""
_LONGEST = 120
_ADVICE = 'free some space or name another folder'


@contextmanager
def whole_file(path: Path, *, durable: bool = False, advice: str = _ADVICE) -> Iterator[Path]:
    """Gives another name to write to, in the same folder; at the end the file gets its own.

    Nobody can guess that name, and lay a link there. After an exception nothing is left. If
    nothing was written, there is no file. A device or a pipe is given as it is: root could put a
    file in its place.

    Args:
        path: the file; its folder is made.
        durable: whether it must survive a power cut too: wait until it is on the disk.
        advice: what to do when it cannot be written, for the error.

    Raises:
        DataError: if it cannot be written.
    """
    special = path.exists() and not path.is_file() and not path.is_dir()
    target = path.resolve()  # a link stays one
    # No longer than the name itself may be: file systems allow 255 bytes.
    stem = os.fsdecode(os.fsencode(path.stem)[:_LONGEST])
    suffix = path.suffix.lower() if len(path.suffix) < _LONGEST // 4 else ''
    partial = target.with_name(f'.{stem}.{secrets.token_hex(8)}{PARTIAL}{suffix}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path if special else partial
        if partial.exists():
            if durable:
                with partial.open('rb') as file:
                    os.fsync(file.fileno())
            os.replace(partial, target)
    except OSError as error:
        raise DataError(
            f"'{path}' cannot be written ({error.strerror or error}); {advice}"
        ) from None
    finally:
        if partial.parent.is_dir():
            partial.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Writes a text in UTF-8, whole or not at all.

    Bytes that are no UTF-8, as they stand in names of files, are written as escapes.

    Raises:
        DataError: if it cannot be written.
    """
    with whole_file(path) as partial:
        partial.write_text(text, encoding='utf-8', errors='backslashreplace')
