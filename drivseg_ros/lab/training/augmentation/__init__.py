# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random views of labelled frames: another camera, another light, another weather."""

from drivseg_ros.lab.training.augmentation.config import PRESETS, Augmentation
from drivseg_ros.lab.training.augmentation.views import view_of

__all__ = ['PRESETS', 'Augmentation', 'view_of']
