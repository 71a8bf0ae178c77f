# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ROS 2 node: a thin shell around the Segmenter."""
