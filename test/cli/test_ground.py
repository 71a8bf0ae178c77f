# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg ground calibrate`: on a rendered drive, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
from color_bag import ColorBag
from command_line import drivseg
from tiny_model import write_tiny_model

from drivseg_ros.model.card import BDD100K_CLASSES, Role
from drivseg_ros.report.camera_file import read_camera_file
from drivseg_ros.scenes import Drive

DRIVE = ('--seed', 3, '--rate', 4, '--duration', 15)


@pytest.fixture(scope='module')
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bag = tmp_path_factory.mktemp('drive') / 'bag'
    made = drivseg('bag', 'from-scenes', '-o', bag, *DRIVE)
    assert made.returncode == 0, made.stderr
    return bag


def test_a_drive(drive: Path, tmp_path: Path) -> None:
    true = Drive(3)
    left, right = true._layout.direct
    files = ('-o', tmp_path / 'camera.yaml', '--json', tmp_path / 'found.json')
    result = drivseg('ground', 'calibrate', drive, '--lane-width', right - left, *files)
    assert result.returncode == 0, result.stderr
    found = json.loads((tmp_path / 'found.json').read_text())
    camera = true._camera
    pitch = math.degrees(math.atan2(camera.pitch_sin, camera.pitch_cos))
    assert found['frames'] >= 30
    assert found['pitch_deg']['value'] == pytest.approx(pitch, abs=0.5)
    assert found['height_m']['value'] == pytest.approx(camera.above_ground, rel=0.1)
    assert f'of {4 * 15} frames show both edges of the ego lane' in result.stdout
    assert f'camera_poses: ["height={found["height_m"]["value"]:.2f} pitch=' in result.stdout
    written = read_camera_file(tmp_path / 'camera.yaml')
    assert written.pose.height == pytest.approx(found['height_m']['value'], abs=1e-3)
    assert written.intrinsics.fx == pytest.approx(true.camera_info.k[0])


def test_refused(drive: Path, tmp_path: Path) -> None:
    def said(*arguments: object) -> str:
        result = drivseg('ground', 'calibrate', drive, *arguments)
        assert result.returncode == 1
        return result.stderr

    assert '1 to 10 m are allowed' in said('--lane-width', 30)
    few = said('--lane-width', 3, '--limit', 5)
    assert 'at least 30 are needed' in few
    classes = tuple(dataclasses.replace(one, role=Role.NONE) for one in BDD100K_CLASSES)
    model = write_tiny_model(tmp_path / 'other.onnx', classes=classes)
    assert 'no class of the role direct' in said('--lane-width', 3, '--model', model)
    (tmp_path / 'c.yaml').write_text('nothing')
    broken = said('--lane-width', 3, '--calibration', tmp_path / 'c.yaml')
    assert 'cannot be understood' in broken


def test_a_bag_without_camera_info(color_bag: ColorBag) -> None:
    topic = ('--image-topic', '/cam/image_raw')
    result = drivseg('ground', 'calibrate', color_bag.path, '--lane-width', 3, *topic)
    assert result.returncode == 1
    assert 'has no camera_info on' in result.stderr
