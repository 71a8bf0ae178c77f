# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Road segmentation for ROS 2: camera images in, class masks and drivable-area overlays out."""

__version__ = '0.1.0'
