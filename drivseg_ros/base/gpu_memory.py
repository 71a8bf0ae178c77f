# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much of an NVIDIA GPU is in use, its memory and its time.

The driver's management library tells it (https://docs.nvidia.com/deploy/nvml-api/), which, unlike
CUDA, takes no memory of the GPU itself for the answer.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Collection
from dataclasses import dataclass

from drivseg_ros.base.gpus import find_gpus

_LIBRARY = 'libnvidia-ml.so.1'
_SUCCESS = 0
_TOO_SMALL = 7
_NOT_TOLD = 2**64 - 1
# Of the function for processes; drivers before 510 know the second one alone.
_PROCESSES = tuple(f'nvmlDeviceGetComputeRunningProcesses_{form}' for form in ('v3', 'v2'))


class _Memory(ctypes.Structure):
    """nvmlMemory_t, in bytes."""

    _fields_ = tuple((name, ctypes.c_ulonglong) for name in ('total', 'free', 'used'))


class _Utilization(ctypes.Structure):
    """nvmlUtilization_t, in percent of the driver's last sampling period."""

    _fields_ = tuple((name, ctypes.c_uint) for name in ('gpu', 'memory'))


class _Process(ctypes.Structure):
    """nvmlProcessInfo_t."""

    _fields_ = (
        ('pid', ctypes.c_uint),
        ('used', ctypes.c_ulonglong),
        ('gpu_instance', ctypes.c_uint),
        ('compute_instance', ctypes.c_uint),
    )


@dataclass(frozen=True)
class GpuUse:
    """How much of a GPU is in use now.

    Attributes:
        busy_percent: of the time, by whichever process; None where the driver does not tell, as
            of a part of a GPU.
        memory_mb: memory that all processes have together, in 10^6 bytes.
        own_memory_mb: memory of the processes that were asked for; None where the driver tells
            of none of them, as in some containers.
    """

    busy_percent: float | None
    memory_mb: float
    own_memory_mb: float | None


def gpu_memory_used_mb(index: int) -> float | None:
    """Memory in use on the GPU with this CUDA index, in MB; None where nobody tells."""
    found = _find(index)
    return None if found is None else _used_mb(*found)


def gpu_use(index: int, pids: Collection[int] = ()) -> GpuUse | None:
    """How much of the GPU with this CUDA index is in use; None where nobody tells.

    Args:
        index: of the GPU.
        pids: processes whose own memory is asked for.
    """
    found = _find(index)
    used_mb = None if found is None else _used_mb(*found)
    if found is None or used_mb is None:
        return None
    library, handle = found
    busy = _Utilization()
    told = library.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(busy)) == _SUCCESS
    return GpuUse(
        busy_percent=float(busy.gpu) if told else None,
        memory_mb=used_mb,
        own_memory_mb=_memory_of(library, handle, pids) if pids else None,
    )


def _find(index: int) -> tuple[ctypes.CDLL, ctypes.c_void_p] | None:
    gpus = find_gpus()
    library = _load()
    if library is None or not 0 <= index < len(gpus):
        return None
    handle = ctypes.c_void_p()
    address = gpus[index].pci_address.encode()
    # CUDA and the management library may number the GPUs differently.
    if library.nvmlDeviceGetHandleByPciBusId_v2(address, ctypes.byref(handle)) != _SUCCESS:
        return None
    return library, handle


def _used_mb(library: ctypes.CDLL, handle: ctypes.c_void_p) -> float | None:
    memory = _Memory()
    if library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) != _SUCCESS:
        return None
    return memory.used / 1e6


def _memory_of(
    library: ctypes.CDLL, handle: ctypes.c_void_p, pids: Collection[int]
) -> float | None:
    for name in _PROCESSES:
        if not hasattr(library, name):
            continue
        room = 32
        while True:
            count, processes = ctypes.c_uint(room), (_Process * room)()
            status = getattr(library, name)(handle, ctypes.byref(count), processes)
            if status != _TOO_SMALL or count.value <= room:
                break
            room = 2 * count.value  # more may have started meanwhile
        if status != _SUCCESS:
            return None
        own = [p.used for p in processes[: count.value] if p.pid in pids]
        return sum(own) / 1e6 if own and _NOT_TOLD not in own else None
    return None


@functools.cache
def _load() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    return library if library.nvmlInit_v2() == _SUCCESS else None
