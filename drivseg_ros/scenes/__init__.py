# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered driving scenes with exact labels, for the demo, the tests and pre-training."""

from drivseg_ros.scenes.camera import CameraInfo
from drivseg_ros.scenes.drive import Drive, SceneFrame, random_frame

__all__ = ['CameraInfo', 'Drive', 'SceneFrame', 'random_frame']
