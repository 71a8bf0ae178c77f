# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark measures the real node, and its table says what was measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def bench(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, '-m', 'drivseg_ros.cli', 'bench', 'node', *map(str, arguments)]
    return subprocess.run(
        command, env=os.environ.copy(), capture_output=True, text=True, check=False
    )


def test_bench_node(tmp_path: Path, tiny_model: Path) -> None:
    pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
    output = tmp_path / 'measured.json'
    result = bench('--model', tiny_model, '--size', '64x48', '--runs', 5, '--json', output)
    assert result.returncode == 0, result.stderr
    report = json.loads(output.read_text())
    (row,) = report['rows']
    assert row['bare_engine']['count'] == row['node']['count'] == 5
    assert row['bare_engine']['p50_ms'] > 0
    assert row['ratio'] == pytest.approx(
        row['node']['p50_ms'] / row['bare_engine']['p50_ms'], abs=2e-3
    )
    assert row['load']['processed_hz'] > 0
    assert row['load']['cpu_share'] > 0
    assert row['load']['memory_mb'] > 10
    for text in ('64×48 bgr8', 'onnxruntime', 'rclpy', report['hardware']['cpu']):
        assert text in result.stdout


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (['--size', '64'], "the size '64' is not understood"),
        (['--model', 'nothing'], "no model is called 'nothing'"),
    ],
)
def test_refusals(arguments: list[str], expected: str) -> None:
    pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
    result = bench(*arguments)
    assert result.returncode == 1
    assert expected in result.stderr.replace('\n', ' ')
