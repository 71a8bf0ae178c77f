# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Zstandard, which is in the standard library from Python 3.14 and comes with rosbags before."""

from __future__ import annotations

import importlib
import sys

MAGIC = b'\x28\xb5\x2f\xfd'


def decompress(data: bytes) -> bytes:
    """Decompresses one zstd frame."""
    name = 'compression.zstd' if sys.version_info >= (3, 14) else 'backports.zstd'
    return importlib.import_module(name).decompress(data)
