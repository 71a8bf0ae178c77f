# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The checks of what is to be written, made before the work and not after it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from drivseg_ros.errors import ParameterError

STDOUT = Path('-')
"""The name of a file that stands for stdout."""


def check_output_files(
    files: Iterable[Path | None],
    *,
    overwrite: bool,
    sources: Sequence[Path] = (),
    suffixes: Sequence[str] = (),
) -> None:
    """Refuses files that exist, or that cannot be written.

    Args:
        files: What will be written; None and STDOUT are passed over.
        overwrite: Whether files that exist may be replaced.
        sources: What will be read, which is never replaced.
        suffixes: The endings that are allowed, such as '.onnx'; none: any.

    Raises:
        ParameterError: If one is refused.
    """
    wanted = [path for path in files if path is not None and path != STDOUT]
    read = {path.resolve() for path in sources}
    seen: set[Path] = set()
    for path in wanted:
        place = path.resolve()
        if suffixes and path.suffix.lower() not in suffixes:
            raise ParameterError(f"'{path}' must end in {' or '.join(suffixes)}")
        if place in read:
            raise ParameterError(f"'{path}' is read, and would be replaced; name another file")
        if place in seen:
            raise ParameterError(f"'{path}' would be written twice; name two files")
        seen.add(place)
        if path.is_file() and not overwrite:
            more = sum(other.is_file() for other in wanted) - 1
            there = f"'{path}' exists" + (f' (and {more} more)' if more else '')
            raise ParameterError(f'{there}; name another file, or replace it with --overwrite')
        _check_writable(path)


def check_output_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuses a folder that holds something, or that cannot be written.

    Args:
        folder: The folder; it need not exist.
        overwrite: Whether files in it may be replaced.

    Raises:
        ParameterError: If it is refused.
    """
    if folder.exists() and not folder.is_dir():
        raise ParameterError(f"'{folder}' is a file; name a folder")
    if not overwrite and folder.is_dir() and any(folder.iterdir()):
        raise ParameterError(
            f"the folder '{folder}' is not empty; name a new one, or replace files of the same "
            'names with --overwrite'
        )
    _check_writable(folder / 'file')


def _check_writable(path: Path) -> None:
    folder = next(f for f in path.absolute().parents if f.exists())
    written = path if path.exists() else folder
    if path.is_dir():
        raise ParameterError(f"'{path}' is a folder; name a file")
    if not folder.is_dir() or not os.access(written, os.W_OK):
        raise ParameterError(f"'{path}' cannot be written; name a file in a folder of yours")
