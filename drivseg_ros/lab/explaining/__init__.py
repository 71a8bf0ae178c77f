# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a network looks: attention and class-activation maps, drawn over the image."""

from __future__ import annotations

# The room works on the networks themselves: without torch it says the same as they do.
import drivseg_ros.networks  # noqa: F401
