# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training data, augmentation, loss and loop of the networks that we ship."""
