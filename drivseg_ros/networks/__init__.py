# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Network architectures in torch, their checkpoints, and their export to a model file."""

from __future__ import annotations

import os

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import MissingDependencyError

# Read when huggingface_hub is imported, as segmentation_models_pytorch does: weights are fetched,
# nothing is reported.
os.environ.setdefault('HF_HUB_DISABLE_TELEMETRY', '1')

try:
    import torch  # noqa: F401
except ImportError:
    raise MissingDependencyError(
        f'network architectures need torch, which is not installed: {install_hint("train")}'
    ) from None
