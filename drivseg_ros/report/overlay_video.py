# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Overlay video: H.264 where PyAV is installed, MPEG-4 part 2 by OpenCV elsewhere."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from drivseg_ros.errors import DrivsegError

_log = logging.getLogger(__name__)


class _Encoder(Protocol):
    def write(self, image: np.ndarray) -> None: ...

    def close(self) -> None: ...


class OverlayVideo:
    """Writes an .mp4 frame by frame; the first frame decides the size.

    Args:
        path: the file to write.
        rate_hz: frames a second.

    Raises:
        DrivsegError: if the path is no .mp4, or the rate is not above 0.
    """

    def __init__(self, path: str | Path, *, rate_hz: float) -> None:
        self.path = Path(path)
        if self.path.suffix != '.mp4':
            raise DrivsegError(f'{self.path} is no .mp4; give a video a name that ends in .mp4')
        if not rate_hz > 0:
            raise DrivsegError(f'a video rate of {rate_hz} Hz was given; it must be above 0')
        self._rate_hz = rate_hz
        self._size: tuple[int, int] | None = None
        self._encoder: _Encoder | None = None

    def write(self, image: np.ndarray) -> None:
        """Adds a frame.

        Args:
            image: uint8 [H, W, 3] RGB; a frame of another size than the first is resized.
        """
        if self._encoder is None or self._size is None:
            height, width = image.shape[:2]
            # H.264 in its common form has half the colour resolution, so sides must be even.
            self._size = (width + width % 2, height + height % 2)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._encoder = _make_encoder(self.path, self._rate_hz, self._size)
        if image.shape[1::-1] != self._size:
            image = cv2.resize(np.ascontiguousarray(image), self._size)
        self._encoder.write(image)

    def close(self) -> None:
        """Finishes the file; without a frame there is none."""
        if self._encoder is not None:
            self._encoder.close()

    def __enter__(self) -> OverlayVideo:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _make_encoder(path: Path, rate_hz: float, size: tuple[int, int]) -> _Encoder:
    try:
        import av
    except ImportError:
        _log.warning(
            'PyAV is not installed, so the video is written as MPEG-4 part 2, which browsers do '
            "not play; for H.264: pip install 'drivseg_ros[report]'"
        )
        return _OpencvEncoder(path, rate_hz, size)
    return _AvEncoder(av, path, rate_hz, size)


class _AvEncoder:
    def __init__(self, av: Any, path: Path, rate_hz: float, size: tuple[int, int]) -> None:
        self._av = av
        self._container = av.open(str(path), 'w')
        self._stream = self._container.add_stream(
            'libx264', rate=Fraction(rate_hz).limit_denominator(1000)
        )
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = 'yuv420p'
        self._stream.options = {'crf': '23', 'preset': 'veryfast'}

    def write(self, image: np.ndarray) -> None:
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format='rgb24')
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()


class _OpencvEncoder:
    def __init__(self, path: Path, rate_hz: float, size: tuple[int, int]) -> None:
        fourcc = cv2.VideoWriter.fourcc(*'mp4v')
        self._writer = cv2.VideoWriter(str(path), fourcc, rate_hz, size)
        if not self._writer.isOpened():
            raise DrivsegError(
                f"this OpenCV cannot write {path}; install PyAV: pip install 'drivseg_ros[report]'"
            )

    def write(self, image: np.ndarray) -> None:
        self._writer.write(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self._writer.release()
