# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What people look at: the page, plots, videos and contact sheets."""
