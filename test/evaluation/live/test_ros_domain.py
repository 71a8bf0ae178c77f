# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A measurement gets a ROS domain that nobody else has, and gives it back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.live import ros_domain
from drivseg_ros.evaluation.live.ros_domain import private_domain

HOLDER = """
import sys
from drivseg_ros.evaluation.live.ros_domain import private_domain
with private_domain() as variables:
    print(variables['ROS_DOMAIN_ID'], flush=True)
    sys.stdin.read()
"""


def test_nobody_else_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in this process, nor in another one that has its temporary files elsewhere."""
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    with subprocess.Popen(
        [sys.executable, '-c', HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        held = int(holder.stdout.readline())
        with private_domain() as first, private_domain() as second:
            found = {held, int(first['ROS_DOMAIN_ID']), int(second['ROS_DOMAIN_ID'])}
            assert len(found) == 3
            assert all(1 <= domain <= 101 for domain in found)
            assert first['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
        # However it ends, the domain is free again.
        monkeypatch.setattr(ros_domain, '_DOMAINS', (held,))
        with pytest.raises(DrivsegError, match='are taken on this machine'), private_domain():
            pass
        holder.kill()
    with private_domain() as again:
        assert int(again['ROS_DOMAIN_ID']) == held


def test_it_is_not_the_one_of_the_robot(monkeypatch: pytest.MonkeyPatch) -> None:
    with private_domain() as variables:
        free = int(variables['ROS_DOMAIN_ID'])
    monkeypatch.setattr(ros_domain, '_DOMAINS', (free,))
    monkeypatch.setenv('ROS_DOMAIN_ID', str(free))
    with pytest.raises(DrivsegError), private_domain():
        pass
    monkeypatch.setenv('ROS_DOMAIN_ID', '0')
    with private_domain() as variables:
        assert int(variables['ROS_DOMAIN_ID']) == free
