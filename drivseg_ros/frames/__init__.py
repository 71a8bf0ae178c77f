# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Data sets of labelled frames: their layouts, parts, checks, and how they are mixed."""
