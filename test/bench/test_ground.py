# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg bench ground`: a row by size, with a time for each output."""

from __future__ import annotations

import cv2

from drivseg_ros.bench.ground import benchmark_ground, markdown_table


def test_rows_and_table() -> None:
    threads = cv2.getNumThreads()
    seen: list[tuple[int, int]] = []
    sizes = [(320, 180), (640, 360)]
    report = benchmark_ground(sizes=sizes, runs=3, on_progress=lambda *at: seen.append(at))
    assert [(row['width'], row['height']) for row in report['rows']] == sizes
    for row in report['rows']:
        assert set(row['outputs']) == {'grid', 'scan', 'points', 'corridor'}
        assert all(0 < one['p50_ms'] <= one['p95_ms'] for one in row['outputs'].values())
        assert row['seen_cells'] > 1000
    assert seen[-1] == (6, 6)
    assert cv2.getNumThreads() == threads
    shown = markdown_table(report)
    assert '| 320×180 | ' in shown
    assert '3 runs on one core, CPU time; grid of 400×200 cells of 0.1 m' in shown
