# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A report says which machine and which versions its figures are from."""

from __future__ import annotations

import json
import platform

import onnxruntime
import pytest

from drivseg_ros.base import environment
from drivseg_ros.base.gpus import Gpu


def test_what_is_there_is_named() -> None:
    versions = environment.describe_versions()
    assert versions['python'] == platform.python_version()
    names = [versions[name] for name in ('onnxruntime', 'onnxruntime-gpu') if name in versions]
    assert onnxruntime.__version__ in names
    hardware = environment.describe_hardware()
    assert hardware['cpu']
    assert hardware['cpus_usable'] >= 1
    json.dumps(hardware)


def test_gpus_are_named_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, 'find_gpus', lambda: ())
    assert 'gpus' not in environment.describe_hardware()
    gpu = Gpu(index=0, name='Some GPU', capability=(9, 0), memory_gib=139.8)
    monkeypatch.setattr(environment, 'find_gpus', lambda: (gpu,))
    monkeypatch.setattr(environment, 'driver_cuda_version', lambda: '12.8')
    (text,) = environment.describe_hardware()['gpus']
    assert text == 'Some GPU, 139.8 GiB, compute capability 9.0, CUDA 12.8 by its driver'
