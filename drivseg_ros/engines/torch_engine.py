# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""torch: our checkpoints, on the CPU and on NVIDIA GPUs."""

from __future__ import annotations

from types import ModuleType

from drivseg_ros.base.library import import_library
from drivseg_ros.engines.base import Engine, EngineOptions, OnProgress
from drivseg_ros.engines.runtime import Description, Runtime
from drivseg_ros.model.file import ModelFile


def load_torch() -> ModuleType:
    """Imports torch.

    Raises:
        MissingDependencyError: if it is not installed.
        EngineError: if it is installed and cannot be imported.
    """
    return import_library('torch', extra='torch')


def _create(model: ModelFile, options: EngineOptions, _on_progress: OnProgress) -> Engine:
    """Makes the engine for the device: batches on the CPU, images on a GPU."""
    load_torch()
    from drivseg_ros.engines.torch_batch_engine import TorchBatchEngine
    from drivseg_ros.engines.torch_device import choose_device
    from drivseg_ros.engines.torch_image_engine import TorchImageEngine

    device = choose_device(options.device)
    kind = TorchBatchEngine if device.type == 'cpu' else TorchImageEngine
    return kind(model, options, device=device)


def _describe() -> Description:
    torch = load_torch()
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    return Description(
        f'{torch.__version__} with{"" if torch.version.cuda else "out"} CUDA',
        (*(f'cuda:{i} ({torch.cuda.get_device_name(i)})' for i in gpus), 'cpu'),
    )


RUNTIME = Runtime(
    name='torch',
    packages=('torch',),
    extra='torch',
    precisions={'cpu': ('fp32', 'bf16'), 'cuda': ('fp32', 'fp16', 'bf16')},
    load=load_torch,
    describe=_describe,
    create=_create,
    auto=('cuda', 'cpu'),
    checkpoints=True,
)
