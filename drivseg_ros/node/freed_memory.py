# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps the memory of one frame for the next one.

An image takes megabytes, and each frame takes and frees several blocks of that size: message,
result, mask. Together they are more than glibc keeps by itself, so that it gives memory back to the
kernel with each frame, and the next frame gets pages that the kernel must find, zero and map one by
one.
"""

from __future__ import annotations

import ctypes
import os

# malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_MIB = 1 << 20
_SETTINGS = (
    # The arenas of threads are heaps of 64 MiB, which go when they are empty: one arena for all.
    (_M_ARENA_MAX, 1),
    # The most that glibc takes; what is larger is mapped for itself, and unmapped.
    (_M_MMAP_THRESHOLD, 32 * _MIB),
    # So much at the end of the arena stays.
    (_M_TRIM_THRESHOLD, 256 * _MIB),
)
_VARIABLES = ('MALLOC_ARENA_MAX', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_')


def keep_freed_memory() -> bool:
    """Lets the C library keep what this process frees, up to 256 MiB, for what it takes next.

    To be called before threads are started. Nothing is changed where the user has set it (by
    MALLOC_ARENA_MAX, MALLOC_MMAP_THRESHOLD_, MALLOC_TRIM_THRESHOLD_ or glibc.malloc in
    GLIBC_TUNABLES), nor with a C library that has no mallopt(3).

    Returns:
        Whether it was done.
    """
    tunables = os.environ.get('GLIBC_TUNABLES', '')
    if 'glibc.malloc' in tunables or any(name in os.environ for name in _VARIABLES):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return all(mallopt(what, value) == 1 for what, value in _SETTINGS)
