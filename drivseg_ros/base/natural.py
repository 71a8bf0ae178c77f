# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The order in which people number their files: frame2 before frame10."""

from __future__ import annotations

import re


def natural_key(name: str) -> tuple[list[tuple[int, int | str]], str]:
    """A sort key that takes runs of digits as numbers.

    Args:
        name: a file name.

    Returns:
        A key; names that differ only in leading zeros ('7' and '07') keep a fixed order.
    """
    parts: list[tuple[int, int | str]] = [
        (0, int(p)) if p.isdigit() and p.isascii() else (1, p)
        for p in re.split(r'(\d+)', name.lower())
        if p
    ]
    return parts, name
