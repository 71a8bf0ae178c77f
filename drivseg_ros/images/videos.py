# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Opening video files, by OpenCV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2

from drivseg_ros.errors import DataError


@dataclass(frozen=True)
class VideoFacts:
    """What a video states of itself.

    Attributes:
        path: the file.
        rate_hz: frames a second; 0 if it does not state it.
        frames: how many it claims to have; 0 if it does not state it.
        width: in pixels.
        height: in pixels.
    """

    path: Path
    rate_hz: float
    frames: int
    width: int
    height: int


def probe_video(path: Path) -> VideoFacts:
    """Opens a video and asks it for its facts.

    Raises:
        DataError: if it is not there or OpenCV cannot read it.
    """
    with open_video(path) as capture:
        rate = capture.get(cv2.CAP_PROP_FPS)
        return VideoFacts(
            path=path,
            rate_hz=rate if 0 < rate <= 1000 else 0.0,
            frames=max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))),
            width=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )


@contextmanager
def open_video(path: Path) -> Iterator[cv2.VideoCapture]:
    """A video to read frames from, uint8 [H, W, 3] BGR; closed at the end.

    Raises:
        DataError: if it is not there or OpenCV cannot read it.
    """
    if not path.is_file():
        raise DataError(f"there is no video '{path}'; give a video file such as .mp4")
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise DataError(
                f"'{path}' is no video that OpenCV can read; convert it to .mp4 (H.264)"
            )
        yield capture
    finally:
        capture.release()
