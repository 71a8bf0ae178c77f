# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much memory of an NVIDIA GPU is in use, by all processes together.

The driver's management library tells it (https://docs.nvidia.com/deploy/nvml-api/), which, unlike
CUDA, takes no memory of the GPU itself for the answer.
"""

from __future__ import annotations

import ctypes
import functools

from drivseg_ros.gpus import find_gpus

_LIBRARY = 'libnvidia-ml.so.1'
_SUCCESS = 0


class _Memory(ctypes.Structure):
    """nvmlMemory_t, in bytes."""

    _fields_ = tuple((name, ctypes.c_ulonglong) for name in ('total', 'free', 'used'))


def gpu_memory_used_mb(index: int) -> float | None:
    """Memory in use on the GPU with this CUDA index, in MB; None where nobody tells."""
    gpus = find_gpus()
    library = _load()
    if library is None or not 0 <= index < len(gpus):
        return None
    handle, memory = ctypes.c_void_p(), _Memory()
    address = gpus[index].pci_address.encode()
    # CUDA and the management library may number the GPUs differently.
    if library.nvmlDeviceGetHandleByPciBusId_v2(address, ctypes.byref(handle)) != _SUCCESS:
        return None
    if library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) != _SUCCESS:
        return None
    return memory.used / 1e6


@functools.cache
def _load() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    return library if library.nvmlInit_v2() == _SUCCESS else None
