# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Paths as people write them, with ~ for their home."""

from __future__ import annotations

from pathlib import Path


def user_path(text: str | Path) -> Path:
    """The path with ~ and ~name as homes; as it stands where that exists, or no such user does."""
    path = Path(text)
    if path.exists():
        return path
    try:
        return path.expanduser()
    except RuntimeError:
        return path
