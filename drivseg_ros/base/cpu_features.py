# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which instructions of the CPU make networks fast, as Linux tells them."""

from __future__ import annotations

import functools
from pathlib import Path

_CPUINFO = Path('/proc/cpuinfo')

# What it is good for -> the names Linux gives it, of which one is enough (x86: `flags`, ARM:
# `Features` in /proc/cpuinfo).
_FEATURES = {
    'avx2': ('avx2',),
    'avx512': ('avx512f',),
    'vnni': ('avx512_vnni', 'avx_vnni'),
    'bf16': ('avx512_bf16', 'amx_bf16', 'avx_ne_convert', 'bf16'),
    'fp16': ('avx512_fp16', 'asimdhp'),
    'amx': ('amx_tile',),
    'dotprod': ('asimddp',),
    'i8mm': ('i8mm',),
}
FEATURES = tuple(_FEATURES)
"""All names that `cpu_features` may give."""


@functools.cache
def cpu_features(cpuinfo: Path = _CPUINFO) -> tuple[str, ...]:
    """The names of FEATURES that this CPU has; none where the system does not tell.

    vnni and dotprod are dot products of int8, bf16 is arithmetic in bfloat16, amx are matrix
    units, i8mm multiplies int8 matrices.
    """
    try:
        lines = cpuinfo.read_text(errors='replace').splitlines()
    except OSError:
        return ()
    flags: set[str] = set()
    for line in lines:
        name, _, value = line.partition(':')
        if name.strip() in ('flags', 'Features'):
            flags.update(value.split())
            break
    return tuple(name for name, any_of in _FEATURES.items() if not flags.isdisjoint(any_of))
