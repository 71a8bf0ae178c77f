# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Opening video files, by OpenCV, and the times of their frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2

from drivseg_ros.errors import DataError

# Frames that wait in a decoder for one that is shown before them, at most (H.264, H.265).
_MOST_HELD = 16
# Files that state how many frames they have; for others OpenCV estimates it.
_COUNTED = ('.mp4', '.m4v', '.mov', '.3gp', '.avi')


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


@dataclass(frozen=True)
class VideoTimes:
    """The frames that can be decoded of a video.

    Attributes:
        facts: what the file states.
        times_ns: the time of each after the first one's, in nanoseconds.
        limited: no more were asked for.
    """

    facts: VideoFacts
    times_ns: tuple[int, ...]
    limited: bool = False

    @property
    def grow(self) -> bool:
        """Whether the frames have times of their own, each later than the one before."""
        return all(a < b for a, b in pairwise(self.times_ns))

    @property
    def note(self) -> str:
        """That the file is cut short, one sentence; '' where it is not."""
        counted = self.facts.path.suffix.lower() in _COUNTED
        if self.limited or not counted or self.facts.frames <= len(self.times_ns):
            return ''
        return (
            f"video '{self.facts.path}' names {self.facts.frames} frames, of which "
            f'{len(self.times_ns)} came out; the others are cut away in the file (an edit list) or '
            'damaged'
        )


def read_times(path: Path, *, limit: int | None = None) -> VideoTimes:
    """Counts the frames of a video and takes their times, which decodes it once.

    What a file says of itself is often wrong: the rate of one with a variable frame rate is a mean,
    and the count takes in what an edit list cuts away.

    Args:
        path: the video.
        limit: so many frames at most.

    Raises:
        DataError: if it is not there or OpenCV cannot read it.
    """
    facts = probe_video(path)
    times: list[int] = []
    with open_video(path) as capture:
        while (limit is None or len(times) < limit) and capture.grab():
            times.append(round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6))
    # Old OpenCVs (4.6) have no times for the frames that the decoder still holds at the file's end.
    for place in range(max(2, len(times) - _MOST_HELD), len(times)):
        if times[place] == 0 < times[place - 1]:
            times[place] = 2 * times[place - 1] - times[place - 2]
    limited = limit is not None and len(times) == limit
    return VideoTimes(facts, tuple(t - times[0] for t in times), limited)


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
