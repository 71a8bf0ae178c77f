# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images: their encodings and compression, picture and video files, resizing, overlays."""
