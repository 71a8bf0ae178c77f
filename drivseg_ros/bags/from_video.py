# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A bag from a video file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from drivseg_ros.bags.calibration import Calibration
from drivseg_ros.bags.image_bag import ImageBagOptions, MadeBag, write_image_bag
from drivseg_ros.bags.stamps import check_rate, stamp_at
from drivseg_ros.errors import DataError
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.images.videos import VideoTimes, open_video

_log = logging.getLogger(__name__)


def bag_from_video(
    video: VideoTimes,
    options: ImageBagOptions,
    *,
    rate_hz: float | None = None,
    calibration: Calibration | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> MadeBag:
    """Writes the frames of a video into a bag, one at a time.

    Args:
        video: the video, as `read_times` found it.
        options: topics, encoding and so on.
        rate_hz: frames a second; each frame's own time unless given.
        calibration: the camera's, if it is known.
        progress: called with the number of frames done.

    Raises:
        DataError: if the video cannot be read, or has neither times nor a rate.
        BagError: if the bag cannot be written.
        ParameterError: if the rate is impossible.
    """
    if rate_hz is not None:
        check_rate(rate_hz)
    path, facts = video.facts.path, video.facts
    count = len(video.times_ns)
    if not count:
        raise DataError(f"video '{path}' has no frame that can be decoded; convert it to .mp4")
    rate = facts.rate_hz if rate_hz is None else rate_hz
    if rate_hz is None and video.grow:
        stamps = [options.start_ns + time_ns for time_ns in video.times_ns]
    elif rate:
        if rate_hz is None:
            _log.warning(
                "the frames of '%s' have no times that grow: they are stamped by the %g Hz that it "
                'states; give another rate with --rate',
                path,
                rate,
            )
        stamps = [stamp_at(i, rate_hz=rate, start_ns=options.start_ns) for i in range(count)]
    else:
        raise DataError(f"video '{path}' does not state its frame rate; give one with --rate")
    return write_image_bag(
        _frames(path, stamps), options, calibration=calibration, progress=progress
    )


def _frames(path: Path, stamps: Sequence[int]) -> Iterator[LabelledFrame]:
    with open_video(path) as capture:
        for index, stamp_ns in enumerate(stamps):
            more, bgr = capture.read()
            if not more:
                raise DataError(
                    f"'{path}' had {len(stamps)} frames and ends after {index} now; leave it as it "
                    'is while it is read'
                )
            yield LabelledFrame(f'{path}, frame {index}', bgr[..., ::-1], stamp_ns=stamp_ns)
