# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How many CPUs this process may use: those it is bound to, and what its control group allows.

A container that may use two CPUs at a time (`docker run --cpus 2`) sees all of the machine's. More
threads than it may run are stopped in the middle of a frame until the next period.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_CGROUP = Path('/sys/fs/cgroup')
_MEMBERSHIP = Path('/proc/self/cgroup')


def bound_cpus() -> int:
    """How many CPUs this process is bound to (`taskset`, `docker run --cpuset-cpus`)."""
    return len(os.sched_getaffinity(0))


def usable_cpus(*, cgroup: Path = _CGROUP, membership: Path = _MEMBERSHIP) -> int:
    """How many CPUs this process may use at a time; at least 1."""
    quota = cpu_quota(cgroup=cgroup, membership=membership)
    return bound_cpus() if quota is None else max(1, min(bound_cpus(), int(quota)))


def cpu_quota(*, cgroup: Path = _CGROUP, membership: Path = _MEMBERSHIP) -> float | None:
    """How many CPUs at a time the control groups of this process allow; None if they set no limit.

    Args:
        cgroup: where control groups are mounted, of version 2 or 1.
        membership: the file that names the groups of this process.
    """
    quotas = []
    for folder in _groups(cgroup, membership):
        v2 = _words(folder / 'cpu.max')
        v1 = _words(folder / 'cpu.cfs_quota_us') + _words(folder / 'cpu.cfs_period_us')
        for words in (v2, v1):
            # 'max' and -1 are no limit.
            if len(words) == 2 and all(word.isdecimal() and int(word) for word in words):
                quotas.append(int(words[0]) / int(words[1]))
    return min(quotas, default=None)


def _groups(cgroup: Path, membership: Path) -> Iterator[Path]:
    """The folders of this process' groups and of those around them.

    Inside a container the file may name a path of the host; the container's own group is then where
    the control groups are mounted.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    own = dict.fromkeys((cgroup, cgroup / 'cpu', cgroup / 'cpu,cpuacct'), '/')
    for line in lines:
        _, controllers, path = (*line.split(':', 2), '', '')[:3]
        if not controllers:
            own[cgroup] = path
        elif 'cpu' in controllers.split(','):
            own[cgroup / 'cpu'] = own[cgroup / 'cpu,cpuacct'] = path
    for mount, path in own.items():
        group = mount / path.lstrip('/')
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(mount))


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
