# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""NVIDIA GPUs, as the driver shows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drivseg_ros.doctor.finding import Finding, Section, problem, run_checks

# The kernel's half of the driver: present although CUDA is not.
_SIGNS = (Path('/proc/driver/nvidia/version'), Path('/dev/nvidia0'))


def check_gpus() -> Section:
    """The section about GPUs."""
    return run_checks('GPUs', {'NVIDIA': check_nvidia})


def check_nvidia(signs: tuple[Path, ...] = _SIGNS) -> Iterator[Finding]:
    """Which GPUs CUDA can use."""
    from drivseg_ros.base.gpus import driver_cuda_version, find_gpus

    gpus = find_gpus()
    for gpu in gpus:
        major, minor = gpu.capability
        yield Finding(
            f'cuda:{gpu.index}',
            f'{gpu.name}, {gpu.memory_gib:g} GiB, compute capability {major}.{minor}',
        )
    if gpus:
        yield Finding('driver', f'for CUDA up to {driver_cuda_version()}')
    elif any(sign.exists() for sign in signs):
        yield problem(
            'NVIDIA',
            'the driver is loaded, but CUDA finds no GPU',
            'see what nvidia-smi says; in a container: docker run --gpus all (with the NVIDIA '
            'container toolkit); CUDA_VISIBLE_DEVICES may hide it',
        )
    else:
        yield Finding('NVIDIA', 'no GPU')
