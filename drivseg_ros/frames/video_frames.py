# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a video by number, in any order, by any thread."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.images.videos import open_video

_KEPT = 16


class VideoFrames:
    """Reads a video forwards, and from its beginning again for a frame far behind.

    Seeking in compressed video gives neighbours of the frame asked for, or costs as much. So a
    frame is fast in the order of the video, which is how a cache is filled, and slow elsewhere.

    Args:
        path: The file.
        count: How many frames it has; None: they are counted, for what a file says of itself is
            often a few too many.

    Raises:
        DataError: If it is not there, or OpenCV can read no frame of it.
    """

    def __init__(self, path: Path, count: int | None = None) -> None:
        self.path = path
        self.count = _count(path) if count is None else count
        self._lock = threading.Lock()
        self._capture: cv2.VideoCapture | None = None
        self._next = 0
        self._kept: dict[int, np.ndarray] = {}

    def read(self, index: int) -> np.ndarray:
        """A frame, uint8 [H, W, 3] RGB.

        Raises:
            DataError: If the video ends before it.
        """
        with self._lock:
            if index < self._next and index not in self._kept:
                self._close()
            if self._capture is None:
                self._capture = cv2.VideoCapture(str(self.path))
                self._next = 0
            while index not in self._kept:
                # Frames a little before the one asked for are wanted by another thread.
                wanted = index - self._next < _KEPT
                read, frame = self._capture.read() if wanted else (self._capture.grab(), None)
                if not read:
                    raise DataError(
                        f"'{self.path}' had {self.count} frames and ends after {self._next} now; "
                        'leave it as it is while it is read'
                    )
                if frame is not None:
                    self._kept[self._next] = frame
                self._next += 1
            found = self._kept.pop(index)
            for old in sorted(self._kept)[:-_KEPT]:
                del self._kept[old]
        return cv2.cvtColor(found, cv2.COLOR_BGR2RGB)

    def _close(self) -> None:
        if self._capture is not None:
            self._capture.release()
        self._capture = None
        self._next = 0
        self._kept.clear()

    def __reduce__(self) -> tuple[type[VideoFrames], tuple[Path, int]]:
        return VideoFrames, (self.path, self.count)


def _count(path: Path) -> int:
    with open_video(path) as capture:
        count = 0
        while capture.grab():
            count += 1
    if not count:
        raise DataError(f"OpenCV can read no frame of '{path}'; convert it to .mp4 (H.264)")
    return count
