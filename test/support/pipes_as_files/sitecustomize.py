# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Python imports it at start where this folder is in PYTHONPATH; a pipe passes for a file then.

Recordings that are pipes are refused. With this, one stands for a disk that never answers.
"""

from __future__ import annotations

from pathlib import Path

_is_file = Path.is_file


def is_file_or_pipe(self: Path) -> bool:
    """As Path.is_file."""
    return _is_file(self) or self.is_fifo()


Path.is_file = is_file_or_pipe  # type: ignore[method-assign]
