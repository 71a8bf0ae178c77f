# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Python, the system, the processor, memory, GPUs."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import drivseg_ros
from drivseg_ros.base.cpu_features import cpu_features
from drivseg_ros.base.cpus import bound_cpus, cpu_quota
from drivseg_ros.doctor.finding import Finding, Section, note, problem, run_checks

TESTED = ((3, 10), (3, 14))
_SHM = Path('/dev/shm')
_SEGMENT_MB = 67.2  # config/dds/fastdds_images.xml; every ROS process takes so much
_LITTLE_MEMORY_GIB = 1.0
_X86 = ('x86_64', 'AMD64')
# The kernel's half of the driver: present although CUDA is not.
_SIGNS = (Path('/proc/driver/nvidia/version'), Path('/dev/nvidia0'))


def check_machine() -> Section:
    """The section about the machine."""
    return run_checks(
        'Machine',
        {
            'drivseg_ros': check_package,
            'Python': check_python,
            'system': check_system,
            'processor': check_processor,
            'memory': check_memory,
            '/dev/shm': check_shared_memory,
            'NVIDIA': check_nvidia,
        },
    )


def check_package() -> Iterator[Finding]:
    """Which drivseg_ros this is."""
    folder = Path(drivseg_ros.__file__).parent
    yield Finding('drivseg_ros', f'{drivseg_ros.__version__} in {folder}')


def check_python(version: tuple[int, int] | None = None) -> Iterator[Finding]:
    """Which Python runs this."""
    version = version or sys.version_info[:2]
    kind = 'the system or a user installation'
    if (Path(sys.prefix) / 'conda-meta').is_dir():
        kind = 'conda'
    elif sys.prefix != sys.base_prefix:
        kind = f'a virtual environment of {sys.base_prefix}'
    value = f'{platform.python_version()}, {sys.executable} ({kind})'
    if TESTED[0] <= version <= TESTED[1]:
        yield Finding('Python', value)
    else:
        low, high = ('.'.join(map(str, v)) for v in TESTED)
        yield note('Python', value, f'drivseg_ros is tested with Python {low} to {high}')


def check_system() -> Iterator[Finding]:
    """Which Linux this is."""
    try:
        name = platform.freedesktop_os_release().get('PRETTY_NAME', '')
    except OSError:
        name = ''
    container = ', in a container' if Path('/.dockerenv').exists() else ''
    kernel = f'{platform.system()} {platform.release()} {platform.machine()}'
    yield Finding('system', f'{name}, {kernel}{container}'.removeprefix(', '))


def check_processor(cgroup: Path | None = None) -> Iterator[Finding]:
    """What it is, what makes networks fast on it, and how much of it this process may use.

    Args:
        cgroup: where control groups are mounted; None takes the system's.
    """
    from drivseg_ros.base.environment import describe_hardware

    features = cpu_features()
    value = f'{describe_hardware()["cpu"]} with {", ".join(features) or "no vector extensions"}'
    if platform.machine() in _X86 and 'avx2' not in features:
        yield note('processor', value, 'without AVX2 networks run several times slower')
    else:
        yield Finding('processor', value)
    usable, total = bound_cpus(), os.cpu_count() or 0
    quota = cpu_quota() if cgroup is None else cpu_quota(cgroup=cgroup)
    cores = f'{usable} of {total} usable'
    if quota is not None and quota < usable:
        yield note(
            'cores',
            f'{cores}, but a control group allows {quota:g} at a time',
            'engines take no more threads than that; to give the container more: docker run --cpus',
        )
    else:
        yield Finding('cores', cores)


def check_memory(available: int | None = None) -> Iterator[Finding]:
    """How much memory there is.

    Args:
        available: of it, in bytes; None asks the system.
    """
    import psutil

    memory = psutil.virtual_memory()
    gib = (memory.available if available is None else available) / 2**30
    value = f'{gib:.1f} of {memory.total / 2**30:.1f} GiB available'
    if gib < _LITTLE_MEMORY_GIB:
        yield note('memory', value, 'end other programs before you load a large network')
    else:
        yield Finding('memory', value)


def check_shared_memory(folder: Path = _SHM) -> Iterator[Finding]:
    """Whether camera images fit through shared memory."""
    usage = shutil.disk_usage(folder)
    patterns = ('fastdds_*', 'fastrtps_*')  # Fast DDS 3 and 2
    left = [file.stat().st_size for pattern in patterns for file in folder.glob(pattern)]
    value = f'{usage.free / 1e6:.0f} of {usage.total / 1e6:.0f} MB free'
    if left:
        value += f', {sum(left) / 1e6:.0f} MB in {len(left)} files of Fast DDS'
    if usage.free / 1e6 < _SEGMENT_MB:
        yield problem(
            '/dev/shm',
            value,
            f'each ROS process takes {_SEGMENT_MB:.0f} MB of it for images; remove what killed '
            'processes left (fastdds shm clean), or give the container more (docker run '
            '--shm-size=1g)',
        )
    else:
        yield Finding('/dev/shm', value)


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
