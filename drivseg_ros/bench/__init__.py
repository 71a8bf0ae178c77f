# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How fast: engines, the node, and graphs of nodes."""
