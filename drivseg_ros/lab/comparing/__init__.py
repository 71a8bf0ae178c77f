# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks beside each other: trained or loaded, measured on the same frames, in one table."""
