# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether two networks, or one network on two engines, give the same masks."""
