# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes, losses, augmentation, and the runs that make networks of them."""
