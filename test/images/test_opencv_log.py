# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""OpenCV's log is silent where the node runs, unless the user wants it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import drivseg_ros

SCRIPT = """
import cv2, sys
from drivseg_ros.images.opencv_log import silence_opencv
if sys.argv[1] == 'silence':
    silence_opencv()
cv2.imread('there is no such picture.png')
"""


@pytest.mark.parametrize(
    ('argument', 'level', 'warns'),
    [('silence', None, False), ('leave', None, True), ('silence', 'WARNING', True)],
)
def test_the_log_of_opencv(argument: str, level: str | None, warns: bool) -> None:
    environment = {k: v for k, v in os.environ.items() if k != 'OPENCV_LOG_LEVEL'}
    if level is not None:
        environment['OPENCV_LOG_LEVEL'] = level
    result = subprocess.run(
        [sys.executable, '-c', SCRIPT, argument],
        env=environment,
        cwd=Path(drivseg_ros.__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ('no such picture' in result.stderr) is warns, result.stderr
