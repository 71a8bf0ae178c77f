# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which NVIDIA GPUs there are, asked of the driver itself, so that no library need be loaded.

The functions are those of the CUDA driver API (https://docs.nvidia.com/cuda/cuda-driver-api/).
"""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

_LIBRARY = 'libcuda.so.1'
_SUCCESS = 0
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU as the driver tells of it.

    Attributes:
        index: its number among those this process may use.
        name: its name.
        capability: its compute capability, (major, minor).
        memory_gib: its memory.
        pci_address: where it is on the PCI bus, or '' if the driver does not say.
    """

    index: int
    name: str
    capability: tuple[int, int]
    memory_gib: float
    pci_address: str = ''

    @property
    def label(self) -> str:
        """Its device and name, such as 'cuda:0 (NVIDIA H200)'."""
        return f'cuda:{self.index} ({self.name})'


@functools.cache
def find_gpus() -> tuple[Gpu, ...]:
    """The GPUs that this process may use; none where there is no driver."""
    driver = _load_driver()
    count = ctypes.c_int()
    if driver is None or driver.cuDeviceGetCount(ctypes.byref(count)) != _SUCCESS:
        return ()
    return tuple(_describe(driver, index) for index in range(count.value))


@functools.cache
def driver_cuda_version() -> str | None:
    """The newest CUDA version that the driver knows, such as '12.8'; None without a driver."""
    driver = _load_driver()
    version = ctypes.c_int()
    if driver is None or driver.cuDriverGetVersion(ctypes.byref(version)) != _SUCCESS:
        return None
    return f'{version.value // 1000}.{version.value % 1000 // 10}'


def _load_driver() -> ctypes.CDLL | None:
    try:
        driver = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    return driver if driver.cuInit(0) == _SUCCESS else None


def _describe(driver: ctypes.CDLL, index: int) -> Gpu:
    device = ctypes.c_int()
    name = ctypes.create_string_buffer(256)
    major, minor, memory = ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    driver.cuDeviceGet(ctypes.byref(device), index)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDeviceGetAttribute(ctypes.byref(major), _CAPABILITY_MAJOR, device)
    driver.cuDeviceGetAttribute(ctypes.byref(minor), _CAPABILITY_MINOR, device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    address = ctypes.create_string_buffer(32)
    driver.cuDeviceGetPCIBusId(address, len(address), device)
    return Gpu(
        index=index,
        name=name.value.decode(errors='replace'),
        capability=(major.value, minor.value),
        memory_gib=round(memory.value / 2**30, 1),
        pci_address=address.value.decode(errors='replace'),
    )
