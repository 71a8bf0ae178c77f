# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and videos in, masks and overlays out, without ROS."""
