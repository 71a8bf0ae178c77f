# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m drivseg_ros.node` runs the segmentation node."""

from __future__ import annotations

import sys

from drivseg_ros.node.segmentation_node import main

if __name__ == '__main__':
    sys.exit(main())
