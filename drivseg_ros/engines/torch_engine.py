# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""torch: .onnx files and checkpoints, on the CPU and on NVIDIA GPUs."""

from __future__ import annotations

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.engines.base import Engine, EngineOptions, OnProgress
from drivseg_ros.errors import MissingDependencyError
from drivseg_ros.model.file import ModelFile

try:
    import torch  # noqa: F401 (looked for here, so that its absence is one sentence)
except ImportError:
    raise MissingDependencyError(
        f"the engine 'torch' needs torch, which is not installed: {install_hint('torch')}"
    ) from None

from drivseg_ros.engines.torch_batch_engine import TorchBatchEngine
from drivseg_ros.engines.torch_device import choose_device
from drivseg_ros.engines.torch_image_engine import TorchImageEngine


def create(model: ModelFile, options: EngineOptions, _on_progress: OnProgress) -> Engine:
    """Makes the engine for the device: batches on the CPU, images on a GPU."""
    device = choose_device(options.device)
    kind = TorchBatchEngine if device.type == 'cpu' else TorchImageEngine
    return kind(model, options, device=device)
