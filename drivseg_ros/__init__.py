# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Road segmentation for ROS 2: camera images in, class masks and drivable-area overlays out."""

import os

__version__ = '0.1.0'

# onnxruntime from 1.29 on tells its maker of every model that is loaded, by name and hash, and
# keeps an identifier of the machine in ~/.cache (github.com/microsoft/onnxruntime/pull/27379). A
# vehicle's software reports nothing to anybody. It must be said before onnxruntime is imported; who
# wants to report sets the variable to 0.
os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')
