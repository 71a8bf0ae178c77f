# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a network in torch to a model file."""
