# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long a mask takes to become drivable space in metres, on one core.

The time of the CPU counts: on a busy machine, that of the clock is other programs'.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np

from drivseg_ros.base.environment import describe_run
from drivseg_ros.base.latency import percentile
from drivseg_ros.base.markdown import machine, table
from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.intrinsics import Intrinsics
from drivseg_ros.ground.pose import CameraPose
from drivseg_ros.ground.space import DrivableSpace, Look
from drivseg_ros.ground.spec import GridSpec
from drivseg_ros.scenes import Drive

SEED = 1
_PARTS: dict[str, Callable[[Look], Any]] = {
    'grid': lambda look: look.grid,
    'scan': lambda look: look.scan,
    'points': lambda look: look.points(),
    'corridor': lambda look: look.corridor((0,)),
}


def benchmark_ground(
    *,
    sizes: Sequence[tuple[int, int]],
    runs: int = 100,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Measures the grid, and what each further output adds to it.

    Args:
        sizes: (width, height) of the masks.
        runs: how many for each size.
        on_progress: called with the runs done and the runs there are.

    Returns:
        Hardware, versions, the grid, and a row by size: the median and the 95th percentile of each
        output in milliseconds of CPU time, and the time to make the tables.
    """
    spec = GridSpec()
    rows = []
    with _one_thread():
        for number, (width, height) in enumerate(sizes):
            mask, camera = _mask(width, height)
            started = time.thread_time()
            space = DrivableSpace(camera, spec)
            tables_ms = 1e3 * (time.thread_time() - started)
            times: dict[str, list[float]] = {name: [] for name in _PARTS}
            for run in range(-1, runs):
                look = space.look(mask, drivable_ids=(0, 1))
                for name, ask in _PARTS.items():
                    started = time.thread_time()
                    ask(look)
                    if run >= 0:  # the first makes tables
                        times[name].append(1e3 * (time.thread_time() - started))
                on_progress(max(0, number * runs + run + 1), len(sizes) * runs)
            outputs = {
                name: {'p50_ms': round(percentile(t, 50), 4), 'p95_ms': round(percentile(t, 95), 4)}
                for name, t in times.items()
            }
            rows.append(
                {
                    'width': width,
                    'height': height,
                    'tables_ms': round(tables_ms, 1),
                    'seen_cells': int(np.count_nonzero(space.seen)),
                    'outputs': outputs,
                }
            )
    return {
        'kind': 'bench ground',
        **describe_run(),
        'grid': {'nx': spec.nx, 'ny': spec.ny, 'resolution_m': spec.resolution_m},
        'input': f'labels of the rendered drive {SEED}',
        'runs': runs,
        'rows': rows,
    }


def markdown_table(report: Mapping[str, Any]) -> str:
    """The rows as a table in Markdown, with what they were measured on."""
    heads = ['mask', *(f'{name}, ms (p50 / p95)' for name in _PARTS), 'tables, once, ms']
    lines = [
        [
            f'{row["width"]}×{row["height"]}',
            *(f'{one["p50_ms"]:.2f} / {one["p95_ms"]:.2f}' for one in row['outputs'].values()),
            f'{row["tables_ms"]:.0f}',
        ]
        for row in report['rows']
    ]
    grid = report['grid']
    return (
        f'{table(heads, lines)}\n\n'
        f'{report["runs"]} runs on one core, CPU time; grid of {grid["nx"]}×{grid["ny"]} cells of '
        f'{grid["resolution_m"]:g} m; scan, points and corridor are what they add to the grid; '
        f'{report["input"]}; {machine(report)}\n'
    )


def _mask(width: int, height: int) -> tuple[np.ndarray, GroundCamera]:
    drive = Drive(SEED, width=width, height=height)
    info, height_m = drive.camera_info, drive.description['camera_height_m']
    eye = Intrinsics.from_camera_info(width=width, height=height, k=info.k)
    # About the drive's own pitch: what is free is not compared with anything here.
    pose = CameraPose.mounted(height_m=height_m, pitch_deg=0)
    return drive.frame(0).class_ids, GroundCamera(eye, pose)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
