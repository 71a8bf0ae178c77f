# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Network architectures in torch, their checkpoints, and their export to a model file."""

from __future__ import annotations

from drivseg_ros.errors import MissingDependencyError

try:
    import torch  # noqa: F401
except ImportError:
    raise MissingDependencyError(
        "network architectures need torch, which is not installed: pip install 'drivseg_ros[train]'"
    ) from None
