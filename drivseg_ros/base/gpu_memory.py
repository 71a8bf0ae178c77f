# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much of an NVIDIA GPU is in use, its memory and its time.

The driver's management library says it, which, unlike CUDA, takes no memory of the GPU itself for
the answer.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from drivseg_ros.base.gpus import find_gpus


@dataclass(frozen=True)
class GpuUse:
    """How much of a GPU is in use now.

    Attributes:
        busy_percent: of the time, by whichever process; None where the driver does not say, as
            of a part of a GPU.
        memory_mb: memory that all processes have together, in 10^6 bytes.
        own_memory_mb: memory of the processes that were asked for; None where the driver knows
            none of them, as in some containers.
    """

    busy_percent: float | None
    memory_mb: float
    own_memory_mb: float | None


def gpu_memory_used_mb(index: int) -> float | None:
    """Memory in use on the GPU with this CUDA index, in MB; None where it is unknown."""
    use = gpu_use(index)
    return None if use is None else use.memory_mb


def gpu_use(index: int, pids: Collection[int] = ()) -> GpuUse | None:
    """How much of the GPU with this CUDA index is in use.

    Args:
        index: of the GPU.
        pids: processes whose own memory is asked for.

    Returns:
        The use; None where it is unknown, as without nvidia-ml-py.
    """
    gpus, nvml = find_gpus(), _load()
    if nvml is None or not 0 <= index < len(gpus):
        return None
    busy, own, found = None, None, []
    try:
        # CUDA and the management library may number the GPUs differently.
        handle = nvml.nvmlDeviceGetHandleByPciBusId(gpus[index].pci_address)
        used = nvml.nvmlDeviceGetMemoryInfo(handle).used
    except nvml.NVMLError:
        return None
    with contextlib.suppress(nvml.NVMLError):
        busy = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    with contextlib.suppress(nvml.NVMLError):
        found = nvml.nvmlDeviceGetComputeRunningProcesses_v3(handle)
    sizes = [process.usedGpuMemory for process in found if process.pid in pids]
    if sizes and None not in sizes:
        own = sum(sizes) / 1e6
    return GpuUse(busy_percent=busy, memory_mb=used / 1e6, own_memory_mb=own)


@functools.cache
def _load() -> Any:
    """The module, ready for use; None if it or the driver is not installed."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml
