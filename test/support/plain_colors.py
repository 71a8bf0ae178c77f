# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures and videos of plain colours, whose masks are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

RED, GREEN, BLUE = (200, 10, 20), (20, 190, 10), (10, 20, 210)


def write_video(path: Path, colors: Sequence[tuple[int, int, int]], *, rate_hz: float = 25) -> Path:
    """A Motion JPEG .avi of 64x48 with a frame for each RGB colour."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), rate_hz, (64, 48))
    assert writer.isOpened()
    for color in colors:
        writer.write(np.full((48, 64, 3), color[::-1], np.uint8))
    writer.release()
    return path


def write_png(path: Path, rgb: np.ndarray) -> Path:
    """A picture; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return path


def read_frames(path: Path) -> list[np.ndarray]:
    """The frames of a video, RGB."""
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        more, bgr = capture.read()
        if not more:
            return frames
        frames.append(bgr[..., ::-1])
