# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A bag from a video file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from drivseg_ros.bags.calibration import Calibration
from drivseg_ros.bags.image_bag import ImageBagOptions, MadeBag, write_image_bag
from drivseg_ros.bags.stamps import check_rate, stamp_at
from drivseg_ros.errors import DataError
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.images.videos import open_video, probe_video


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
        DataError: if the video cannot be read or has no rate.
        BagError: if the bag cannot be written.
        ParameterError: if the rate is impossible.
    """
    facts = probe_video(path)
    rate = facts.rate_hz if rate_hz is None else rate_hz
    if rate_hz is None and not rate:
        raise DataError(f"video '{path}' does not state its frame rate; give one with --rate")
    check_rate(rate)
    return write_image_bag(
        _frames(path, rate_hz=rate, start_ns=options.start_ns),
        options,
        calibration=calibration,
        progress=progress,
    )


def _frames(path: Path, *, rate_hz: float, start_ns: int) -> Iterator[LabelledFrame]:
    with open_video(path) as capture:
        index = 0
        while True:
            more, bgr = capture.read()
            if not more:
                break
            stamp_ns = stamp_at(index, rate_hz=rate_hz, start_ns=start_ns)
            yield LabelledFrame(f'{path}, frame {index}', bgr[..., ::-1], stamp_ns=stamp_ns)
            index += 1
    if not index:
        raise DataError(f"video '{path}' has no frame that can be decoded; convert it to .mp4")
