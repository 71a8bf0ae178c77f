# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""OpenCV's own log, which it writes to stderr past everybody."""

from __future__ import annotations

import os

import cv2


def silence_opencv() -> None:
    """Switches OpenCV's log off, unless the user asked for it by OPENCV_LOG_LEVEL.

    What it says of a bad image stands in our own error, counted and throttled; OpenCV repeats it
    for each frame.
    """
    if 'OPENCV_LOG_LEVEL' in os.environ:
        return
    # Since 4.8 it is below cv2.utils.logging, and some builds have neither.
    place = getattr(getattr(cv2, 'utils', None), 'logging', cv2)
    if hasattr(place, 'setLogLevel'):
        place.setLogLevel(0)
