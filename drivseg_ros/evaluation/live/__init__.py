# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation of the real node, while a bag is played to it."""
