# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a person looks at after a run: the overlay video and the contact sheet."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from drivseg_ros.images.overlay import draw_overlay
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.report.contact_sheet import ContactSheet, write_caption
from drivseg_ros.report.video import Video


class Showcase:
    """Draws frames as they come, in order, and writes the files asked for when it is closed.

    Args:
        video: an .mp4 to write, or None.
        contact_sheet: a .png to write, or None.
        rate_hz: of the video.
        alpha: opacity of the overlay, 0 to 1.
    """

    def __init__(
        self,
        *,
        video: Path | None,
        contact_sheet: Path | None,
        rate_hz: float,
        alpha: float,
    ) -> None:
        self._stack = ExitStack()
        self._video = None
        if video is not None:
            self._video = self._stack.enter_context(Video(video, rate_hz=rate_hz))
        self._sheet = ContactSheet()
        self._sheet_path = contact_sheet
        self._alpha = alpha
        self._frames = 0

    def add(self, image: np.ndarray, segmentation: Segmentation | None, *, caption: str) -> None:
        """Adds a frame.

        Args:
            image: uint8 [H, W, 3] RGB.
            segmentation: of the image; None shows the image without an overlay.
            caption: one short line.
        """
        if self._video is None and self._sheet_path is None:
            return
        if segmentation is None:
            shown = np.array(image)
        else:
            shown = draw_overlay(image, segmentation, alpha=self._alpha)
        self._frames += 1
        self._sheet.add(shown, caption=caption)
        if self._video is not None:
            write_caption(shown, caption)
            self._video.write(shown)

    def close(self) -> None:
        """Finishes the files; without a frame there are none."""
        self._stack.close()
        if self._sheet_path is not None and self._frames:
            self._sheet.write(self._sheet_path)

    def __enter__(self) -> Showcase:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
