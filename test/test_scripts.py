# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scripts that make and measure networks start, and what is measured is right."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from color_bag import color_image

SCRIPTS = Path(__file__).resolve().parents[1] / 'scripts'

pytestmark = pytest.mark.skipif(not SCRIPTS.is_dir(), reason='the tests run without a checkout')

PYTHON = [
    path
    for path in sorted(SCRIPTS.glob('*'))
    if path.is_file() and path.read_text().startswith('#!/usr/bin/env python3')
]


def run(script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize('script', PYTHON, ids=lambda path: path.name)
def test_every_script_says_how_it_is_used(script: Path) -> None:
    pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")
    found = run(script, '--help')
    assert 'usage' in (found.stdout + found.stderr).lower()
    assert 'Traceback' not in found.stderr


def test_soak_counts_frames_and_memory(tiny_model: Path, ros_domain: int) -> None:
    pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
    options = ['--minutes', 0.2, '--warm-up', 4, '--size', '64x48', '--model', tiny_model]
    done = run(SCRIPTS / 'soak', *options)
    # Whether memory has settled shows in an hour, not in seconds.
    assert 'MB by quarter: ' in done.stdout, done.stderr
    counts = dict(re.findall(r'(\w+) (\d+)', done.stdout.partition('received: ')[2]))
    assert int(counts['mask']) > 0 < int(counts['status'])
    assert int(counts['processed']) > 0
    assert counts['failed'] == '0'


def test_measure_roads(tiny_model: Path, tmp_path: Path) -> None:
    """Direct and alternative are taken for each other, so only the two together are right."""
    ids = [color_image(i).argmax(-1).astype(np.uint8) for i in range(2)]
    swapped = [np.array([1, 0, 2], np.uint8)[one] for one in ids]
    road = [(one < 2).astype(np.uint8) for one in ids]
    sets = {
        'bdd100k': ('test', ['direct', 'alternative', 'background'], swapped),
        'kitti_road': ('test', ['not_road', 'road'], road),
        'camvid': ('val', ['not_road', 'road'], road),
    }
    for name, (part, classes, labels) in sets.items():
        for i, label in enumerate(labels):
            for kind, plane in (('images', color_image(i)[..., ::-1]), ('labels', label)):
                folder = tmp_path / name / kind / part
                folder.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / f'{i}.png'), plane)
        (tmp_path / name / 'classes.yaml').write_text(json.dumps(classes))
    output = tmp_path / 'o.json'
    done = run(SCRIPTS / 'measure_roads', tiny_model, '--data', tmp_path, '--output', output)
    assert done.returncode == 0, done.stderr
    (figures,) = json.loads(output.read_text())['figures'].values()
    background = np.stack(ids) == 2
    assert (figures['drivable'], figures['KITTI'], figures['CamVid']) == (100, 100, 100)
    assert (figures['direct'], figures['alternative']) == (0, 0)
    assert figures['background'] == (100 if background.any() else 0)
    assert figures['mIoU'] == pytest.approx(figures['background'] / 3)
