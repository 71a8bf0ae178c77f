# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags: reading and writing them, making them from pictures, playing and recording them."""

from __future__ import annotations

from drivseg_ros.base.install_hint import pip_install
from drivseg_ros.errors import MissingDependencyError

try:
    import rosbags.rosbag2  # noqa: F401
except ImportError as error:
    raise MissingDependencyError(
        f'bags need the library rosbags, which is not available ({error}): '
        f'{pip_install("rosbags>=0.11")}'
    ) from error
