# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CPU and memory of a process are measured over time, its GPU only where it uses one."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from drivseg_ros.base.gpu_memory import GpuUse
from drivseg_ros.base.json_data import from_plain, to_plain
from drivseg_ros.base.usage import usage_below
from drivseg_ros.evaluation.live import usage as live_usage
from drivseg_ros.evaluation.live.usage import EVERYBODY, NODE, UsageSampler, UsageSeries

# Holds 50 MB and burns CPU until it is ended.
CHILD = """
import sys, time
held = bytearray(b'x') * 50_000_000
began = time.process_time()
while time.process_time() < began + 0.3:
    pass
print(held[7], flush=True)
sys.stdin.read()
"""
PARENT = f'import subprocess, sys; subprocess.run([sys.executable, "-c", {CHILD!r}])'


def sample(
    monkeypatch: pytest.MonkeyPatch, uses: list[GpuUse | None]
) -> tuple[UsageSampler, int, int]:
    """Looks at a process below one of ours; the sampler, begin and end in nanoseconds."""
    monkeypatch.setattr(live_usage, 'find_gpus', lambda: uses)
    monkeypatch.setattr(live_usage, 'gpu_use', lambda index, pids: uses[index] if pids else None)
    with subprocess.Popen(
        [sys.executable, '-c', PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        sampler = UsageSampler(parent.pid)
        while not usage_below(parent.pid).processes:
            time.sleep(0.01)
        sampler.look()
        begin_ns = time.time_ns()
        sampler.look()  # too soon
        parent.stdout.readline()
        time.sleep(0.25)
        sampler.look(at_once=True)
        sampler.look(at_once=True)  # too soon
        end_ns = time.time_ns()
        parent.stdin.close()
        parent.wait()
        sampler.look(at_once=True)
        time.sleep(0.25)
        sampler.look(at_once=True)  # it has ended
    return sampler, begin_ns, end_ns


def test_cpu_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler, begin_ns, end_ns = sample(monkeypatch, [])
    series = sampler.series(begin_ns=begin_ns, end_ns=end_ns, device='cpu')
    took_s = (end_ns - begin_ns) / 1e9
    ((at, cpu, memory, gpu, gpu_memory),) = series.rows
    assert 0.25 < at <= took_s + 0.01
    # 0.3 s of CPU time and what starting took; the clock of the first sample began a little before.
    assert 0.2 < cpu / 100 * at < 0.3 + took_s
    assert 50e6 / 2**20 < memory < 100
    assert (gpu, gpu_memory, series.gpu_memory_of) == (None, None, '')
    assert series.column('cpu_percent') == [[at, cpu]]
    assert series.column('gpu_percent') == []
    assert from_plain(UsageSeries, to_plain(series), 'usage') == series


def test_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    mib = 2**20 / 1e6
    uses = [GpuUse(None, 100 * mib, None), GpuUse(40.0, 900 * mib, 50 * mib), None]
    sampler, begin_ns, end_ns = sample(monkeypatch, uses)
    for device, expected, whose in (
        ('cuda:0', (None, 100.0), EVERYBODY),
        ('cuda:1', (40.0, 50.0), NODE),
        ('cuda', (None, 100.0), EVERYBODY),
        ('cuda:2', (None, None), ''),
        ('cuda:7', (None, None), ''),
        ('gpu', (None, None), ''),
    ):
        series = sampler.series(begin_ns=begin_ns, end_ns=end_ns, device=device)
        assert [row[3:] for row in series.rows] == [expected], device
        assert series.gpu_memory_of == whose, device


def test_descendants_are_found(tmp_path: Path) -> None:
    grandchild = 'import sys; print(flush=True); sys.stdin.read()'
    code = f'import subprocess, sys; subprocess.run([sys.executable, "-c", {grandchild!r}])'
    with subprocess.Popen(
        [sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        found = usage_below(child.pid).processes
        assert len(found) == 1
        (pid,) = found
        assert Path(f'/proc/{pid}').exists()
        assert child.pid not in found
        child.stdin.close()
