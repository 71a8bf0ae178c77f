# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Blocks of the size of images do not come from the kernel anew each time."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != 'glibc', reason='another C library than glibc'
)

# Takes and frees what an image is on its way through rclpy (its sequence, its bytes, its array) in
# a thread, and prints the pages that the kernel had to give for each of the later rounds.
PROGRAM = """
import resource, sys, threading
from drivseg_ros.node.freed_memory import keep_freed_memory
done = len(sys.argv) > 1 and keep_freed_memory()
sizes = [1920 * 1080 * 3] * 3
def take():
    for _ in range(3):
        [bytearray(size) for size in sizes]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        blocks = [bytearray(size) for size in sizes]
        del blocks
    pages.append((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
pages = []
thread = threading.Thread(target=take)
thread.start()
thread.join()
print(done, pages[0])
"""


def run(*arguments: str, **variables: str) -> tuple[bool, float]:
    environment = {k: v for k, v in os.environ.items() if 'MALLOC' not in k and 'GLIBC' not in k}
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM, *arguments],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    said, pages = done.stdout.split()
    return said == 'True', float(pages)


def test_memory_is_kept() -> None:
    mapped_each_time = 3 * 1920 * 1080 * 3 / 4096
    done, pages = run('keep')
    assert done
    assert pages < 0.02 * mapped_each_time
    # Where this fails, the C library does so by itself, and the module may go.
    assert run()[1] > 0.2 * mapped_each_time


@pytest.mark.parametrize(
    'variable',
    [
        {'MALLOC_ARENA_MAX': '4'},
        {'MALLOC_TRIM_THRESHOLD_': '1000'},
        {'GLIBC_TUNABLES': 'glibc.malloc.mmap_threshold=1000000'},
    ],
)
def test_the_user_decides(variable: dict[str, str]) -> None:
    assert run('keep', **variable)[0] is False
