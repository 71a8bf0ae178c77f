# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decompression with a limit: some hundred bytes can stand for gigabytes.

rosbags expands whatever a bag holds; `limit_rosbags` makes it expand no more than we would.
Zstandard is in the standard library from Python 3.14 and comes with rosbags before.
"""

from __future__ import annotations

import bz2
import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from rosbags.rosbag1 import reader as rosbag1_reader
from rosbags.rosbag2 import storage_mcap

from drivseg_ros.errors import BagError

MAGIC = b'\x28\xb5\x2f\xfd'
MAX_EXPANDED = 2**30
"""The most that a chunk or message expands to, in bytes; recorders end a chunk after some MB."""
# Of a file: recordings of cameras shrink to a half or a tenth, those of a scene without any noise
# to a hundredth.
_FILE_FACTOR = 200
_BLOCK = 2**20


def expand_zstd(data: bytes, *, limit: int = MAX_EXPANDED) -> bytes:
    """Expands zstd frames to `limit` bytes at most.

    Raises:
        BagError: if they stand for more.
        Exception: of the library, if they are damaged.
    """
    return _expand(_zstd().ZstdDecompressor, data, limit)


def expand_lz4(data: bytes, *, limit: int = MAX_EXPANDED) -> bytes:
    """As `expand_zstd`, for lz4 frames."""
    import lz4.frame  # comes with rosbags

    return _expand(lz4.frame.LZ4FrameDecompressor, data, limit)


def limit_rosbags() -> None:
    """Puts these limits into rosbags' own tables of decompressors."""
    storage_mcap.DECOMPRESSORS.update(
        zstd=lambda data, size: expand_zstd(data, limit=min(size, MAX_EXPANDED)),
        lz4=lambda data, size: expand_lz4(data, limit=min(size, MAX_EXPANDED)),
    )
    rosbag1_reader.decompressors.update(
        lz4=expand_lz4, bz2=lambda data: _expand(bz2.BZ2Decompressor, data, MAX_EXPANDED)
    )


def expand_file(path: Path, folder: Path) -> Path:
    """Expands a zstd file into a folder, under its name without `.zstd`.

    Raises:
        BagError: if it is damaged, stands for absurdly much, or for more than there is room for.
    """
    size = path.stat().st_size
    most = max(MAX_EXPANDED, _FILE_FACTOR * size)
    free = shutil.disk_usage(folder).free
    expanded = folder / path.stem
    try:
        # To count costs little where it is short, and nothing is written of what is too much.
        read = _expand_to(None, path, min(most, free)) if _FILE_FACTOR * size < most else 0
        if read <= min(most, free):
            with expanded.open('wb') as out:
                read = _expand_to(out, path, min(most, free))
    except Exception as error:  # whatever the damage provokes
        raise BagError(
            f"'{path}' cannot be expanded ({error}); copy it again, or record it again"
        ) from None
    if read > most:
        raise BagError(
            f"'{path}' has {size} bytes and expands to more than {most >> 20} MiB, which no "
            'recording does; if it is one all the same, expand it by `zstd -d`'
        )
    if read > free:
        raise BagError(
            f"'{path}' expands to more than the {free >> 20} MiB that are free in {folder}; make "
            'room, or set $TMPDIR to another folder'
        )
    return expanded


def _expand_to(out: IO[bytes] | None, path: Path, most: int) -> int:
    """Expands a file until its end, or until it is more than `most` bytes.

    Returns:
        How many it was until there.
    """
    read = 0
    with path.open('rb') as compressed, _zstd().open(compressed, 'rb') as file:
        while read <= most and (block := file.read(_BLOCK)):
            read += len(block)
            if out is not None and read <= most:
                out.write(block)
    return read


def _expand(decompressor: Callable[[], Any], data: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while data:  # frame by frame
        frame = decompressor()
        part: bytes = frame.decompress(data, max_length=left + 1)
        left -= len(part)
        if left < 0:
            raise BagError(
                f'{len(data)} compressed bytes of the bag expand to more than {limit}, which they '
                'claim or may; no recording does so: check where it comes from'
            )
        parts.append(part)
        if not frame.eof:
            raise ValueError('the compressed data ends too early')
        data = frame.unused_data or b''
    return b''.join(parts)


def _zstd() -> Any:
    name = 'compression.zstd' if sys.version_info >= (3, 14) else 'backports.zstd'
    return importlib.import_module(name)
