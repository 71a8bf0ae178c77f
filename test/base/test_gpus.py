# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The GPUs as the driver tells of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = r"""
#include <stddef.h>
#include <string.h>
int cuInit(unsigned flags) { return flags == 0 ? RESULT : 1; }
int cuDriverGetVersion(int *v) { *v = 12080; return 0; }
int cuDeviceGetCount(int *n) { *n = 2; return 0; }
int cuDeviceGet(int *device, int index) { *device = 40 + index; return 0; }
int cuDeviceGetName(char *name, int size, int device) {
  strncpy(name, device == 40 ? "Orin" : "Thor", size); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = device == 40 ? (attribute == 75 ? 8 : 7) : (attribute == 75 ? 11 : 0);
  return attribute == 75 || attribute == 76 ? 0 : 1; }
int cuDeviceGetPCIBusId(char *address, int size, int device) {
  strncpy(address, device == 40 ? "0000:01:00.0" : "0000:02:00.0", size); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  *bytes = (size_t)(device == 40 ? 8 : 128) << 30; return 0; }
"""
# Numbers the GPUs the other way round.
MANAGEMENT = r"""
#include <string.h>
int nvmlInitWithFlags(unsigned flags) { return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *address, void **handle) {
  *handle = (void *)(long)(strcmp(address, "0000:01:00.0") ? 1 : 2); return 0; }
int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long *memory) {
  memory[0] = 8000000000ull; memory[1] = 0; memory[2] = 1000000ull * (long)handle; return 0; }
"""
# As the driver's own: a process has 24 bytes, of which the second eight are its memory.
USE = r"""
int nvmlDeviceGetUtilizationRates(void *handle, unsigned *rates) {
  rates[0] = 37; rates[1] = 5; return (long)handle == 1 ? 0 : 3; }
typedef struct { unsigned pid; unsigned long long used; unsigned gpu, compute; } Process;
int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *count, Process *found) {
  unsigned room = *count; *count = 40;
  if (room < 40) return 7;
  for (unsigned i = 0; i < 40; i++) {
    Process one = {100 + i, 1000000ull * i, ~0u, ~0u};
    if (i == 39) one.used = ~0ull;
    found[i] = one; }
  return 0; }
"""
ASK = 'from drivseg_ros.base.gpus import *; print(driver_cuda_version(), *find_gpus(), sep="\\n")'


MEMORY = (
    'from drivseg_ros.base.gpu_memory import *; '
    'print([gpu_memory_used_mb(i) for i in (0, 1, 2, -1)])'
)

ASK_USE = """
from drivseg_ros.base.gpu_memory import *
for index, pids in ((1, {102, 105, 7}), (1, {7}), (1, {139}), (1, ()), (0, {102}), (2, {102})):
    print(gpu_use(index, pids))
"""

needs_cc = pytest.mark.skipif(shutil.which('cc') is None, reason='no C compiler for a driver')


def compile_library(path: Path, code: str, *options: str) -> None:
    source = path.with_suffix('.c')
    source.write_text(code)
    command = ['cc', '-shared', '-fPIC', *options, '-o', str(path), str(source)]
    subprocess.run(command, check=True)


def ask(libraries: Path, code: str) -> str:
    """What a process of its own prints that finds the libraries before others."""
    paths = [str(libraries), os.environ.get('LD_LIBRARY_PATH', '')]
    done = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, 'LD_LIBRARY_PATH': os.pathsep.join(filter(None, paths))},
    )
    return done.stdout


@needs_cc
@pytest.mark.parametrize(
    ('result', 'expected'),
    [
        (
            0,
            "12.8\nGpu(index=0, name='Orin', capability=(8, 7), memory_gib=8.0, "
            "pci_address='0000:01:00.0')\n"
            "Gpu(index=1, name='Thor', capability=(11, 0), memory_gib=128.0, "
            "pci_address='0000:02:00.0')\n",
        ),
        (100, 'None\n'),  # CUDA_ERROR_NO_DEVICE
    ],
)
def test_what_the_driver_says(tmp_path: Path, result: int, expected: str) -> None:
    """A library that has the driver's functions is asked in a process of its own."""
    compile_library(tmp_path / 'libcuda.so.1', DRIVER, f'-DRESULT={result}')
    assert ask(tmp_path, ASK) == expected


@needs_cc
def test_memory_in_use(tmp_path: Path) -> None:
    compile_library(tmp_path / 'libcuda.so.1', DRIVER, '-DRESULT=0')
    compile_library(tmp_path / 'libnvidia-ml.so.1', MANAGEMENT)
    assert ask(tmp_path, MEMORY) == '[2.0, 1.0, None, None]\n'


@needs_cc
def test_use_by_all_and_by_some(tmp_path: Path) -> None:
    """Memory of processes is told where the driver knows them; a busy share where it can."""
    compile_library(tmp_path / 'libcuda.so.1', DRIVER, '-DRESULT=0')
    compile_library(tmp_path / 'libnvidia-ml.so.1', MANAGEMENT + USE)
    told = ask(tmp_path, ASK_USE).splitlines()
    use = 'GpuUse(busy_percent={}, memory_mb={}, own_memory_mb={})'
    assert told == [
        use.format(37.0, 1.0, 7.0),
        use.format(37.0, 1.0, None),
        use.format(37.0, 1.0, None),
        use.format(37.0, 1.0, None),
        use.format(None, 2.0, 2.0),
        'None',
    ]


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from drivseg_ros.base import gpus

    monkeypatch.setattr(gpus, '_LIBRARY', 'libdrivseg_no_such_driver.so.1')
    gpus.find_gpus.cache_clear()
    gpus.driver_cuda_version.cache_clear()
    try:
        assert gpus.find_gpus() == ()
        assert gpus.driver_cuda_version() is None
    finally:
        gpus.find_gpus.cache_clear()
        gpus.driver_cuda_version.cache_clear()
