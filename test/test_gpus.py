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
int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  *bytes = (size_t)(device == 40 ? 8 : 128) << 30; return 0; }
"""
ASK = 'from drivseg_ros.gpus import *; print(driver_cuda_version(), *find_gpus(), sep="\\n")'


@pytest.mark.skipif(shutil.which('cc') is None, reason='no C compiler to make a driver with')
@pytest.mark.parametrize(
    ('result', 'expected'),
    [
        (
            0,
            "12.8\nGpu(index=0, name='Orin', capability=(8, 7), memory_gib=8.0)\n"
            "Gpu(index=1, name='Thor', capability=(11, 0), memory_gib=128.0)\n",
        ),
        (100, 'None\n'),  # CUDA_ERROR_NO_DEVICE
    ],
)
def test_what_the_driver_says(tmp_path: Path, result: int, expected: str) -> None:
    """A library that has the driver's functions is asked in a process of its own."""
    source = tmp_path / 'driver.c'
    source.write_text(DRIVER)
    library = tmp_path / 'libcuda.so.1'
    subprocess.run(
        ['cc', '-shared', '-fPIC', f'-DRESULT={result}', '-o', str(library), str(source)],
        check=True,
    )
    paths = [str(tmp_path), os.environ.get('LD_LIBRARY_PATH', '')]
    done = subprocess.run(
        [sys.executable, '-c', ASK],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, 'LD_LIBRARY_PATH': os.pathsep.join(filter(None, paths))},
    )
    assert done.stdout == expected


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from drivseg_ros import gpus

    monkeypatch.setattr(gpus, '_LIBRARY', 'libdrivseg_no_such_driver.so.1')
    gpus.find_gpus.cache_clear()
    gpus.driver_cuda_version.cache_clear()
    try:
        assert gpus.find_gpus() == ()
        assert gpus.driver_cuda_version() is None
    finally:
        gpus.find_gpus.cache_clear()
        gpus.driver_cuda_version.cache_clear()
