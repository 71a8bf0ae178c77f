# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Encodings that we do not read ourselves, such as rgb16, by cv_bridge where it is installed.

It is no library of the package index; a ROS 2 machine has it, built for that machine's numpy.
"""

from __future__ import annotations

import functools
import importlib
import re
from typing import Any

import numpy as np

from drivseg_ros.errors import ImageError

# cv_bridge runs a regular expression of C++ over the name, whose recursion a long one would turn
# into the end of the process. 32FC1 and the like it refuses to show as a picture, as we do.
_NAME = re.compile(r'[a-z][a-z0-9_]{0,31}')


@functools.cache
def find_cv_bridge() -> Any:
    """A CvBridge, or None where there is none that works with this numpy."""
    try:
        # Where it is built for another numpy, only this part fails, loudly and with every image.
        importlib.import_module('cv_bridge.boost.cv_bridge_boost')
        return importlib.import_module('cv_bridge').CvBridge()
    except (ImportError, AttributeError):
        return None


def may_be_tried(encoding: object) -> bool:
    """Whether cv_bridge is there, and may be asked for an encoding of this name."""
    named = isinstance(encoding, str) and _NAME.fullmatch(encoding)
    return bool(named) and find_cv_bridge() is not None


def decode_by_cv_bridge(msg: Any, *, refusal: ImageError) -> np.ndarray:
    """Decodes a sensor_msgs/Image of an encoding that is none of ours, its size checked.

    Args:
        msg: the message, whose width, height, encoding and data have the right types.
        refusal: what to raise where cv_bridge cannot help.

    Returns:
        uint8 [H, W, 3] RGB.

    Raises:
        ImageError: if cv_bridge refuses the message as well.
    """
    try:
        picture: np.ndarray = find_cv_bridge().imgmsg_to_cv2(msg, 'rgb8')
    except Exception as error:  # its own, numpy's and OpenCV's
        reason = ' '.join(str(error).split())[:120] or type(error).__name__
        raise ImageError(f'{refusal} (cv_bridge: {reason})', kind=refusal.kind) from None
    if picture.dtype != np.uint8 or picture.shape != (msg.height, msg.width, 3):
        raise ImageError(
            f'{refusal} (cv_bridge makes of it {picture.dtype} of shape {picture.shape}, and it '
            f'claims {msg.width} x {msg.height} pixels)',
            kind=refusal.kind,
        )
    return picture
