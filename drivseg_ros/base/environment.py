# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The machine and the versions behind a number; every report carries them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil

import drivseg_ros
from drivseg_ros.base.cpus import usable_cpus
from drivseg_ros.base.gpus import driver_cuda_version, find_gpus

_DISTRIBUTIONS = (
    'numpy',
    'opencv-python-headless',
    'simplejpeg',
    'Pillow',
    'onnxruntime',
    'onnxruntime-gpu',
    'openvino',
    'torch',
    'tensorrt',
    'tensorrt_rtx',
    'onnx',
    'rosbags',
    'rclpy',
    'sensor_msgs',
)


def describe_run() -> dict[str, Any]:
    """What every report begins with: 'created' (now, in UTC), 'hardware' and 'versions'."""
    return {
        'created': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'hardware': describe_hardware(),
        'versions': describe_versions(),
    }


def describe_hardware() -> dict[str, Any]:
    """The processor, how many CPUs this process may use, the memory in GiB, the system, the GPUs.

    Without an NVIDIA GPU there is no key 'gpus'.
    """
    hardware: dict[str, Any] = {
        'cpu': _cpu_model(),
        'cpus_usable': usable_cpus(),
        'memory_gib': round(psutil.virtual_memory().total / 2**30, 1),
        'system': platform.platform(),
    }
    if find_gpus():
        hardware['gpus'] = [
            f'{gpu.name}, {gpu.memory_gib} GiB, compute capability '
            f'{gpu.capability[0]}.{gpu.capability[1]}, CUDA {driver_cuda_version()} by its driver'
            for gpu in find_gpus()
        ]
    return hardware


def describe_versions() -> dict[str, str]:
    """The version of Python, this package, and the libraries that make a difference."""
    versions = {'python': platform.python_version(), 'drivseg_ros': drivseg_ros.__version__}
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if 'opencv-python-headless' not in versions:
        import cv2  # the system's, which is no Python distribution

        versions['opencv'] = cv2.__version__
    for variable in ('ROS_DISTRO', 'RMW_IMPLEMENTATION'):
        if os.environ.get(variable):
            versions[variable] = os.environ[variable]
    return versions


def _cpu_model() -> str:
    for line in Path('/proc/cpuinfo').read_text().splitlines():
        if line.startswith('model name'):
            return line.partition(':')[2].strip()
    return platform.machine()  # ARM kernels name no model
