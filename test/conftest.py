# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures that tests of several rooms share."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_model import write_tiny_model

from drivseg_ros.share import share_directory


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    """A model file that knows red from green from blue."""
    return write_tiny_model(tmp_path / 'models' / 'tiny.onnx')


@pytest.fixture
def ros_domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A ROS domain that nobody else on this machine uses, kept to this machine.

    Everything is set in os.environ, so that child processes are in the same domain.
    """
    pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
    profile = share_directory() / 'config/dds/fastdds_images.xml'
    # Domain ids above 101 can collide with ephemeral ports on Linux (ROS 2 docs, "The domain ID").
    for domain in range(1, 102):
        path = Path(tempfile.gettempdir()) / f'drivseg_ros_domain_{domain}.lock'
        lock = path.open('w')  # held, and with it the lock, until the test ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        monkeypatch.setenv('ROS_DOMAIN_ID', str(domain))
        monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        for name in ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE'):
            monkeypatch.setenv(name, str(profile))
        yield domain
        lock.close()
        return
    pytest.fail('no free ROS domain from 1 to 101; is another test run stuck?')


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Real footage and labels; tests that use it skip where it is absent."""
    named = os.environ.get('DRIVSEG_DATA')
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / 'shared' / 'data'
    if not (folder / 'bdd100k_drivable').is_dir():
        pytest.skip(f'no real footage at {folder} (set DRIVSEG_DATA to its folder)')
    return folder
