# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good and how fast: confusion matrix, replay, report, video."""
