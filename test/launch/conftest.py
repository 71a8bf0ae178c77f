# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests of the launch files, which need ROS 2's launch; no wheel carries it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An install prefix in the ament index, as `colcon build` would leave it."""
    prefix = tmp_path / 'install'
    share = prefix / 'share/drivseg_ros'
    for name in ('config', 'launch'):
        shutil.copytree(ROOT / name, share / name)
    index = prefix / 'share/ament_index/resource_index/packages'
    index.mkdir(parents=True)
    shutil.copy(ROOT / 'resource/drivseg_ros', index)
    program = prefix / 'lib/drivseg_ros/segmentation_node'
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m drivseg_ros.node "$@"\n')
    program.chmod(0o755)
    others = os.environ.get('AMENT_PREFIX_PATH', '')
    monkeypatch.setenv('AMENT_PREFIX_PATH', os.pathsep.join([str(prefix), others]).rstrip(':'))
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]))
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path / 'log'))
    return prefix


@pytest.fixture
def no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """No DDS profile is chosen, and whatever the test chooses is forgotten after it."""
    for name in (*PROFILE_VARIABLES, 'DRIVSEG_DDS_PROFILE'):
        monkeypatch.setenv(name, '')
