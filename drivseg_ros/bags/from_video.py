# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A bag from a video file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2

from drivseg_ros.bags.calibration import Calibration
from drivseg_ros.bags.image_bag import Frame, ImageBagOptions, MadeBag, write_image_bag
from drivseg_ros.bags.stamps import check_rate, stamp_at
from drivseg_ros.errors import BagError


@dataclass(frozen=True)
class VideoFacts:
    """What a video says of itself.

    Attributes:
        path: the file.
        rate_hz: frames a second; 0 if it does not say.
        frames: how many it claims to have; 0 if it does not say.
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
        BagError: if it is not there or OpenCV cannot read it.
    """
    with _open(path) as capture:
        rate = capture.get(cv2.CAP_PROP_FPS)
        return VideoFacts(
            path=path,
            rate_hz=rate if 0 < rate <= 1000 else 0.0,
            frames=max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))),
            width=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )


def bag_from_video(
    path: Path,
    options: ImageBagOptions,
    *,
    rate_hz: float | None = None,
    calibration: Calibration | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> MadeBag:
    """Writes the frames of a video into a bag, one at a time.

    Args:
        path: the video.
        options: topics, encoding and so on.
        rate_hz: frames a second; the video's own unless given.
        calibration: the camera's, if it is known.
        progress: called with the number of frames done.

    Raises:
        BagError: if the video cannot be read or has no rate, or the bag cannot be written.
        ParameterError: if the rate is impossible.
    """
    facts = probe_video(path)
    rate = facts.rate_hz if rate_hz is None else rate_hz
    if rate_hz is None and not rate:
        raise BagError(f"video '{path}' does not say its frame rate; give one with --rate")
    check_rate(rate)
    return write_image_bag(
        _frames(path, rate_hz=rate, start_ns=options.start_ns),
        options,
        calibration=calibration,
        progress=progress,
    )


def _frames(path: Path, *, rate_hz: float, start_ns: int) -> Iterator[Frame]:
    with _open(path) as capture:
        index = 0
        while True:
            more, bgr = capture.read()
            if not more:
                break
            stamp = stamp_at(index, rate_hz=rate_hz, start_ns=start_ns)
            yield Frame(f"frame {index} of '{path}'", stamp, bgr[..., ::-1])
            index += 1
    if not index:
        raise BagError(f"video '{path}' has no frame that can be decoded; convert it to .mp4")


@contextmanager
def _open(path: Path) -> Iterator[cv2.VideoCapture]:
    if not path.is_file():
        raise BagError(f"there is no video '{path}'; give a video file such as .mp4")
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise BagError(f"'{path}' is no video that OpenCV can read; convert it to .mp4 (H.264)")
        yield capture
    finally:
        capture.release()
