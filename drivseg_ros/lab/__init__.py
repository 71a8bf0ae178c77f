# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks in the making: training, importing, quantising, comparing and explaining them."""
