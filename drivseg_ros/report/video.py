# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Videos by PyAV: .mp4 as H.264, .gif with 256 colours for each frame.

Without PyAV an .mp4 is written by OpenCV, as MPEG-4 part 2.
"""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import cv2
import numpy as np

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import DataError, DrivsegError, MissingDependencyError, ParameterError
from drivseg_ros.images.arrays import contiguous

VIDEO_SUFFIXES = ('.mp4', '.gif')
# A GIF counts in hundredths of a second, and viewers slow a frame of less than two of them down to
# ten.
_GIF_TICKS_HZ = 100
_GIF_MAX_RATE_HZ = 50
# The clock of MPEG, in which the usual rates are whole numbers.
_MP4_TICKS_HZ = 90_000

_log = logging.getLogger(__name__)


class Video:
    """Writes a video frame by frame; the first frame decides the size, a .gif repeats endlessly.

    Args:
        path: the file to write, of VIDEO_SUFFIXES.
        rate_hz: frames a second, of those that are written without a time. A .gif of more than
            50 Hz leaves out frames evenly, so that its duration stays right.

    Attributes:
        time_s: when the latest frame is shown, in seconds after the first.

    Raises:
        DataError: if the path ends otherwise.
        ParameterError: if the rate is not above 0.
        MissingDependencyError: if a .gif is to be written, and PyAV is not installed.
    """

    def __init__(self, path: Path, *, rate_hz: float) -> None:
        check_video(path)
        if not rate_hz > 0:
            raise ParameterError(f'a video rate of {rate_hz} Hz was given; it must be above 0')
        self._path = path
        self._rate_hz = rate_hz
        self._size = (0, 0)
        self._encoder: _Encoder | None = None
        self.time_s = -1 / rate_hz

    def write(self, image: np.ndarray, *, time_s: float | None = None) -> None:
        """Adds a frame.

        Args:
            image: uint8 [H, W, 3] RGB; a frame of another size than the first is resized.
            time_s: when it is shown, in seconds after the first; None, and what is not later than
                the frame before: 1 / rate_hz after that.
        """
        late = time_s is not None and time_s > self.time_s
        self.time_s = time_s if late and time_s is not None else self.time_s + 1 / self._rate_hz
        if self._encoder is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._encoder = _make_encoder(self._path, self._rate_hz, image.shape[1::-1])
            self._size = self._encoder.size
        if image.shape[1::-1] != self._size:
            image = cv2.resize(contiguous(image), self._size)
        self._encoder.write(contiguous(image), self.time_s)

    def close(self) -> None:
        """Finishes the file; without a frame there is none."""
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            encoder.close()

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def check_video(path: Path) -> None:
    """Refuses the name of a video that cannot be written, before any work is done.

    Raises:
        DataError: if it ends in none of VIDEO_SUFFIXES.
        MissingDependencyError: if it is a .gif, and PyAV is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in VIDEO_SUFFIXES:
        raise DataError(
            f"'{path}' is no name of a video; give one that ends in {' or '.join(VIDEO_SUFFIXES)}"
        )
    if suffix == '.gif' and _find_av() is None:
        raise MissingDependencyError(
            'a .gif is written by PyAV, which is not installed: '
            f'{install_hint("report")}; or write an .mp4'
        )


class _Encoder(Protocol):
    size: tuple[int, int]

    def write(self, image: np.ndarray, time_s: float) -> None: ...

    def close(self) -> None: ...


def _find_av() -> ModuleType | None:
    try:
        import av
    except ImportError:
        return None
    return av


def _make_encoder(path: Path, rate_hz: float, size: tuple[int, ...]) -> _Encoder:
    av = _find_av()
    width, height = size
    if path.suffix.lower() == '.gif' and av is not None:
        return _Gif(av, path, rate_hz, (width, height))
    # H.264 in its common form has half the colour resolution, so sides must be even.
    even = (width + width % 2, height + height % 2)
    if av is not None:
        return _Mp4(av, path, rate_hz, even)
    _log.warning(
        'PyAV is not installed, so the video is written as MPEG-4 part 2, which browsers do '
        f'not play; for H.264: {install_hint("report")}'
    )
    return _OpencvMp4(path, rate_hz, even)


class _Mp4:
    def __init__(self, av: Any, path: Path, rate_hz: float, size: tuple[int, int]) -> None:
        self.size = size
        self._av = av
        self._container = av.open(str(path), 'w')
        rate = Fraction(rate_hz).limit_denominator(1000)
        self._stream = self._container.add_stream('libx264', rate=rate)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = 'yuv420p'
        self._stream.options = {'crf': '23', 'preset': 'veryfast'}
        self._stream.codec_context.time_base = Fraction(1, _MP4_TICKS_HZ)
        self._ticks = -1

    def write(self, image: np.ndarray, time_s: float) -> None:
        frame = self._av.VideoFrame.from_ndarray(image, format='rgb24')
        self._ticks = max(round(time_s * _MP4_TICKS_HZ), self._ticks + 1)
        frame.time_base, frame.pts = Fraction(1, _MP4_TICKS_HZ), self._ticks
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()


class _Gif:
    def __init__(self, av: Any, path: Path, rate_hz: float, size: tuple[int, int]) -> None:
        self.size = size
        self._av = av
        self._due_s = 0.0
        self._container = av.open(str(path), 'w', format='gif')
        step = -int(-rate_hz // _GIF_MAX_RATE_HZ)
        rate = Fraction(rate_hz / step).limit_denominator(1000)
        self._stream = self._container.add_stream('gif', rate=rate)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = 'pal8'
        self._stream.codec_context.time_base = Fraction(1, _GIF_TICKS_HZ)
        # Without these, a frame whose palette is the first one's is written as its difference
        # from the frame before, of which FFmpeg compares the indices, not the colours.
        self._stream.options = {'gifflags': '-offsetting-transdiff'}
        self._graph = graph = av.filter.Graph()
        self._source = graph.add_buffer(
            width=size[0],
            height=size[1],
            format=av.VideoFormat('rgb24'),
            time_base=Fraction(1, _GIF_TICKS_HZ),
        )
        split = graph.add('split')
        # One palette for the whole video would have every frame wait in memory for the last one.
        palette = graph.add('palettegen', 'stats_mode=single')
        use = graph.add('paletteuse', 'new=1:dither=bayer:bayer_scale=4')
        self._sink = graph.add('buffersink')
        self._source.link_to(split)
        split.link_to(palette, 0, 0)
        split.link_to(use, 1, 0)
        palette.link_to(use, 0, 1)
        use.link_to(self._sink)
        graph.configure()

    def write(self, image: np.ndarray, time_s: float) -> None:
        if time_s < self._due_s - 1e-6:
            return
        self._due_s = time_s + 1 / _GIF_MAX_RATE_HZ
        frame = self._av.VideoFrame.from_ndarray(image, format='rgb24')
        frame.time_base = Fraction(1, _GIF_TICKS_HZ)
        frame.pts = round(time_s * _GIF_TICKS_HZ)
        self._push(frame)

    def close(self) -> None:
        self._push(None)
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def _push(self, frame: Any) -> None:
        self._source.push(frame)
        while True:
            try:
                colored = self._sink.pull()
            except (BlockingIOError, EOFError):
                return
            self._container.mux(self._stream.encode(colored))


class _OpencvMp4:
    def __init__(self, path: Path, rate_hz: float, size: tuple[int, int]) -> None:
        self.size = size
        fourcc = cv2.VideoWriter.fourcc(*'mp4v')
        self._rate_hz = rate_hz
        self._written = 0
        self._last: np.ndarray | None = None
        self._writer = cv2.VideoWriter(str(path), fourcc, rate_hz, size)
        if not self._writer.isOpened():
            raise DrivsegError(
                f'this OpenCV cannot write {path}; install PyAV: {install_hint("report")}'
            )

    def write(self, image: np.ndarray, time_s: float) -> None:
        # It writes at one rate, so a frame is repeated until the next is due.
        while self._last is not None and self._written < round(time_s * self._rate_hz):
            self._write(self._last)
        self._last = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        self._write(self._last)

    def _write(self, bgr: np.ndarray) -> None:
        self._writer.write(bgr)
        self._written += 1

    def close(self) -> None:
        self._writer.release()
