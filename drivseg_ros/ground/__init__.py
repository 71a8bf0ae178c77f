# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Drivable space in metres: what a camera's mask says of the flat ground round it. No ROS here."""
