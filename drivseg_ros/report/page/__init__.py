# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An evaluation as a page: one HTML file that shows everything and loads nothing."""
