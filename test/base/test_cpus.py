# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How many CPUs a container may use, by control groups of both versions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drivseg_ros.base import cpus
from drivseg_ros.base.cpus import bound_cpus, cpu_quota, usable_cpus
from drivseg_ros.engines import base as engines_base
from drivseg_ros.engines.base import default_threads

V2, V1 = '0::{}\n', '7:memory:/elsewhere\n4:cpu,cpuacct:{}\n0::/\n'


@pytest.mark.parametrize(
    ('membership', 'files', 'quota'),
    [
        (V2.format('/'), {}, None),
        (V2.format('/'), {'cpu.max': 'max 100000'}, None),
        (V2.format('/'), {'cpu.max': '200000 100000'}, 2),
        (V2.format('/'), {'cpu.max': '150000 100000'}, 1.5),
        (V2.format('/'), {'cpu.max': 'nonsense'}, None),
        (V2.format('/'), {'cpu.max': '100000 0'}, None),
        (V2.format('/'), {'cpu.max': ''}, None),
        # The tightest of the groups around the process, as systemd's slices.
        (V2.format('/a/b'), {'a/b/cpu.max': 'max 100000', 'a/cpu.max': '300000 100000'}, 3),
        (V2.format('/a/b'), {'a/b/cpu.max': '100000 50000', 'a/cpu.max': '300000 100000'}, 2),
        (V2.format('/a/b'), {'c/cpu.max': '100000 100000'}, None),
        # A container that sees the host's name of its group.
        (V2.format('/docker/0123'), {'cpu.max': '250000 100000'}, 2.5),
        (V2.format('/../../x'), {'cpu.max': '250000 100000'}, 2.5),
        (
            V1.format('/'),
            {'cpu/cpu.cfs_quota_us': '-1\n', 'cpu/cpu.cfs_period_us': '100000\n'},
            None,
        ),
        (
            V1.format('/docker/0123'),
            {'cpu/cpu.cfs_quota_us': '300000\n', 'cpu/cpu.cfs_period_us': '100000\n'},
            3,
        ),
        (
            V1.format('/x'),
            {
                'cpu,cpuacct/x/cpu.cfs_quota_us': '50000',
                'cpu,cpuacct/x/cpu.cfs_period_us': '100000',
            },
            0.5,
        ),
        (V1.format('/'), {'cpu/cpu.cfs_quota_us': '300000\n'}, None),
        ('garbage\n', {'cpu.max': '200000 100000'}, 2),
        (None, {'cpu.max': '200000 100000'}, 2),
    ],
)
def test_the_limit_of_a_control_group(
    tmp_path: Path, membership: str | None, files: dict[str, str], quota: float | None
) -> None:
    groups, names = tmp_path / 'cgroup', tmp_path / 'membership'
    for name, text in files.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(text)
    if membership is not None:
        names.write_text(membership)
    assert cpu_quota(cgroup=groups, membership=names) == quota
    usable = usable_cpus(cgroup=groups, membership=names)
    bound = len(os.sched_getaffinity(0))
    assert usable == (bound if quota is None else max(1, min(bound, int(quota))))


@pytest.mark.parametrize(
    ('bound', 'quota', 'threads'),
    [(1, None, 1), (2, None, 1), (8, None, 4), (32, None, 4), (8, 2, 2), (8, 0.5, 1), (2, 8, 1)],
)
def test_engines_take_no_more_threads_than_a_container_may_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bound: int, quota: float | None, threads: int
) -> None:
    text = 'max 100000' if quota is None else f'{int(quota * 100_000)} 100000'
    (tmp_path / 'cpu.max').write_text(text)
    monkeypatch.setattr(cpus, 'bound_cpus', lambda: bound)
    monkeypatch.setattr(engines_base, 'bound_cpus', lambda: bound)
    monkeypatch.setattr(engines_base, 'usable_cpus', lambda: usable_cpus(cgroup=tmp_path))
    assert default_threads() == threads


def test_the_limits_of_this_process_can_be_read() -> None:
    assert 1 <= usable_cpus() <= bound_cpus()
