# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lightning, or the sentence that says how to install it."""

from __future__ import annotations

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import MissingDependencyError

try:
    import lightning.pytorch as pl
    from lightning.fabric.plugins import CheckpointIO
    from lightning.pytorch.callbacks import Checkpoint
except ImportError as error:
    raise MissingDependencyError(
        f'training needs lightning, which cannot be imported ({error}): {install_hint("train")}'
    ) from None

__all__ = ['Checkpoint', 'CheckpointIO', 'pl']
