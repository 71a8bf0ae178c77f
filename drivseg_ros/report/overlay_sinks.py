# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sinks that draw the overlay of every frame: a video, and a contact sheet."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.measured import Terms
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.evaluation.tally import FrameRow
from drivseg_ros.frames.labelled_frame import LabelledFrame, LostFrame
from drivseg_ros.images.overlay import Look
from drivseg_ros.images.resizing import resize_image
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.report.contact_sheet import ContactSheet, write_caption
from drivseg_ros.report.video import Video, check_video

# Longer without a frame is a pause, or a clock that was set.
_PAUSE_NS = 10 * 10**9


class Captions:
    """One short line for each frame: its number, its time, and whether it has no mask."""

    def __init__(self) -> None:
        self._number = 0
        self._first_ns: int | None = None

    def of(self, stamp_ns: int | None, *, lost: bool = False) -> str:
        """The line of the next frame.

        Args:
            stamp_ns: its time, if known.
            lost: whether it has no mask.
        """
        self._number += 1
        words = [f'frame {self._number}']
        if stamp_ns is not None:
            self._first_ns = stamp_ns if self._first_ns is None else self._first_ns
            words.append(f'{(stamp_ns - self._first_ns) / 1e9:.2f} s')
        if lost:
            words.append('no mask: dropped or failed')
        return '   '.join(words)


class OverlayVideo(Sink):
    """A video with the overlay; without a frame there is none.

    Frames that were lost are shown without an overlay where their image is known, so that the
    video keeps time. Each frame is shown at its own time, if frames have one; pauses
    of more than 10 s are left out.

    Args:
        path: an .mp4 or .gif.
        rate_hz: frames a second, of frames without a time of their own.
        own_times: False shows all frames at that rate.
        look: how the overlay looks.
        captions: whether number and time are written into each frame.
        width: of the video, in pixels; None: as the frames come.

    Raises:
        DrivsegError: if such a video cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        rate_hz: float,
        look: Look,
        captions: bool = True,
        width: int | None = None,
        own_times: bool = True,
    ) -> None:
        check_video(path)
        self._own_times = own_times
        # Stamp of the latest frame that has one, and when it is shown.
        self._latest: tuple[int, float] | None = None
        self._path = path
        self._look = look
        self._width = width
        self._captions = Captions() if captions else None
        self._rate_hz = rate_hz
        self._stack = ExitStack()
        self._video: Video | None = None

    def begin(self, terms: Terms) -> None:
        """See `Sink`."""
        partial = self._stack.enter_context(whole_file(self._path))
        self._video = self._stack.enter_context(Video(partial, rate_hz=self._rate_hz))

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """See `Sink`."""
        caption = '' if self._captions is None else self._captions.of(frame.stamp_ns)
        if frame.image is not None:
            self._write(self._look.draw(frame.image, segmentation), caption, frame.stamp_ns)

    def lose(self, frame: LostFrame) -> None:
        """See `Sink`."""
        caption = '' if self._captions is None else self._captions.of(None, lost=True)
        if frame.image is not None:
            self._write(np.array(frame.image), caption)

    def finish(self, evaluation: Evaluation) -> None:
        """See `Sink`."""
        self._stack.close()

    def abort(self) -> None:
        """See `Sink`."""
        error = DrivsegError('it was given up')
        self._stack.__exit__(type(error), error, None)  # so that nothing is left

    def _write(self, picture: np.ndarray, caption: str, stamp_ns: int | None = None) -> None:
        if self._width is not None:
            height = max(1, round(picture.shape[0] * self._width / picture.shape[1]))
            picture = resize_image(picture, width=self._width, height=height)
        if caption:
            write_caption(picture, caption)
        if self._video is not None:
            self._video.write(picture, time_s=self._due(stamp_ns))
            if stamp_ns is not None:
                self._latest = (stamp_ns, self._video.time_s)

    def _due(self, stamp_ns: int | None) -> float | None:
        """When a frame is shown; None: in its turn, as after a pause or a step back in time."""
        if not self._own_times or stamp_ns is None or self._latest is None:
            return None
        then_ns, shown_s = self._latest
        return shown_s + (stamp_ns - then_ns) / 1e9 if stamp_ns - then_ns <= _PAUSE_NS else None


class OverlaySheet(Sink):
    """Frames of the whole run on one picture; without a frame there is none.

    Args:
        path: a .png or .jpg.
        look: how the overlay looks.
    """

    def __init__(self, path: Path, *, look: Look) -> None:
        self._path = path
        self._look = look
        self._captions = Captions()
        self._sheet = ContactSheet()

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """See `Sink`."""
        caption, image = self._captions.of(frame.stamp_ns), frame.image
        if image is not None:
            self._sheet.offer(lambda: self._look.draw(image, segmentation), caption=caption)

    def lose(self, frame: LostFrame) -> None:
        """See `Sink`."""
        caption, image = self._captions.of(None, lost=True), frame.image
        if image is not None:
            self._sheet.offer(lambda: image, caption=caption)

    def finish(self, evaluation: Evaluation) -> None:
        """See `Sink`."""
        if self._sheet.tiles:
            self._sheet.write(self._path)
