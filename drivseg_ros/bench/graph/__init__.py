# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes measured from outside, over DDS, after the practice of NVIDIA's ros2_benchmark."""
