# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The slot of a camera: it holds the newest frame and nothing else."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from drivseg_ros.base.frame_ledger import FrameLedger


@dataclass(frozen=True)
class Frame:
    """A message that has not been decoded yet.

    Attributes:
        message: the sensor_msgs Image or CompressedImage.
        received_s: when it arrived, by time.monotonic().
        opening: of the slot that it is for, by `CameraSlot.opening`.
    """

    message: Any
    received_s: float
    opening: int = 0


class CameraSlot:
    """Holds one frame; a newer one replaces it, and the ledger counts the older as dropped.

    A frame that was received before the slot was emptied, and comes late, is dropped: it is of the
    time before a pause.

    Args:
        ledger: where frames are counted as offered and dropped.
    """

    def __init__(self, ledger: FrameLedger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._frame: Frame | None = None
        self.opening = 0
        """How often it was emptied."""

    def put(self, frame: Frame) -> None:
        """Puts a frame in; any thread may call it."""
        self._ledger.offer()
        with self._lock:
            late = frame.opening != self.opening
            older = frame if late else self._frame
            if not late:
                self._frame = frame
        if older is not None:
            self._ledger.drop()

    def take(self) -> Frame | None:
        """Takes the frame out, if there is one; any thread may call it."""
        with self._lock:
            frame, self._frame = self._frame, None
        return frame

    def clear(self) -> None:
        """Drops what waits."""
        with self._lock:
            self.opening += 1
        if self.take() is not None:
            self._ledger.drop()
