# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of the torch engine share; it is imported where torch is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from drivseg_ros.engines import EngineOptions
from drivseg_ros.engines.torch_image_engine import TorchImageEngine
from drivseg_ros.model.file import ModelFile

CPU = torch.device('cpu')
OUT_OF_MEMORY = (
    'CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 7.79 GiB of '
    'which 12.31 MiB is free. Of the allocated memory 7.10 GiB is allocated by PyTorch.'
)


def options(**changes: Any) -> EngineOptions:
    return EngineOptions(**{'device': 'cpu', **changes})


def random_batch(n: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, height, width, 3), np.uint8)


def image_engine(model: ModelFile, **changes: Any) -> TorchImageEngine:
    """The GPU's pipeline, on the CPU."""
    return TorchImageEngine(model, options(**changes), device=CPU)
