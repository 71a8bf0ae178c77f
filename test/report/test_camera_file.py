# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Camera files: the one that the documentation shows, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drivseg_ros.errors import BagError, DrivsegError
from drivseg_ros.ground.intrinsics import Intrinsics
from drivseg_ros.ground.lens import Brown
from drivseg_ros.ground.pose import CameraPose
from drivseg_ros.ground.spec import GridSpec
from drivseg_ros.report.camera_file import read_camera_file

DOCS = Path(__file__).resolve().parents[2] / 'docs' / 'ground.md'
GOOD = """
image_width: 640
image_height: 360
camera_name: front
camera_matrix: {rows: 3, cols: 3, data: [500, 0, 320, 0, 500, 180, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.1, 0.0, 0.0, 0.0, 0.0]}
mounting: {height_m: 1.5, pitch_deg: 4}
"""


def write(folder: Path, text: str) -> Path:
    (folder / 'camera.yaml').write_text(text)
    return folder / 'camera.yaml'


def test_a_file(tmp_path: Path) -> None:
    found = read_camera_file(write(tmp_path, GOOD))
    assert found.intrinsics == Intrinsics(640, 360, 500, 500, 320, 180, lens=Brown(k1=-0.1))
    assert found.pose == CameraPose.mounted(height_m=1.5, pitch_deg=4)
    assert found.spec == GridSpec()


@pytest.mark.skipif(not DOCS.is_file(), reason='the tests run without a checkout')
def test_the_documented_file(tmp_path: Path) -> None:
    shown = re.search(r'```yaml\n(.*?)```', DOCS.read_text(), re.DOTALL)
    assert shown
    found = read_camera_file(write(tmp_path, shown[1]))
    assert found.spec == GridSpec(x_max_m=30, max_error_m=4, near_m=6)


@pytest.mark.parametrize(
    ('old', 'new', 'said'),
    [
        (GOOD, '', 'cannot be understood'),
        (GOOD, '[1, 2]', 'cannot be understood'),
        ('image_width: 640', '', "KeyError: 'image_width'"),
        ('camera_matrix: {rows: 3, cols: 3, data:', 'camera_matrix: {numbers:', "KeyError: 'data'"),
        ('mounting: {height_m: 1.5, pitch_deg: 4}', '', 'says nothing of the camera'),
        ('height_m: 1.5, ', '', 'lacks height_m; measure it'),
        ('height_m: 1.5', 'height_m: high', "has height_m: 'high'; a number is allowed"),
        ('height_m: 1.5', 'height: 1.5', 'a mapping with height_m, pitch_deg, roll_deg'),
        ('height_m: 1.5', 'height_m: 0', 'not above the ground'),
        ('[500, 0,', '[500, x,', 'could not convert'),
        ('plumb_bob', 'mei', "'mei' is not known"),
        ('image_width: 640', 'image_width: wide', 'invalid literal'),
        ('image_width: 640', 'image_width: .nan', 'cannot be understood'),
        ('camera_name: front', 'grid: {size: 3}', 'a mapping with x_min_m'),
    ],
)
def test_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(DrivsegError) as error:
        read_camera_file(write(tmp_path, GOOD.replace(old, new)))
    assert said in str(error.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BagError, match=r'camera.yaml'):
        read_camera_file(tmp_path / 'camera.yaml')
