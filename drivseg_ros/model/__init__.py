# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a model is: its card, its file, where it is found, and what it gives."""
