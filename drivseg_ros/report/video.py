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

_log = logging.getLogger(__name__)


class Video:
    """Writes a video frame by frame; the first frame decides the size, a .gif repeats endlessly.

    Args:
        path: the file to write, of VIDEO_SUFFIXES.
        rate_hz: frames a second. A .gif of more than 50 Hz leaves out frames evenly, so that its
            duration stays right.

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

    def write(self, image: np.ndarray) -> None:
        """Adds a frame.

        Args:
            image: uint8 [H, W, 3] RGB; a frame of another size than the first is resized.
        """
        if self._encoder is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._encoder = _make_encoder(self._path, self._rate_hz, image.shape[1::-1])
            self._size = self._encoder.size
        if image.shape[1::-1] != self._size:
            image = cv2.resize(contiguous(image), self._size)
        self._encoder.write(contiguous(image))

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

    def write(self, image: np.ndarray) -> None: ...

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

    def write(self, image: np.ndarray) -> None:
        frame = self._av.VideoFrame.from_ndarray(image, format='rgb24')
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()


class _Gif:
    def __init__(self, av: Any, path: Path, rate_hz: float, size: tuple[int, int]) -> None:
        self.size = size
        self._av = av
        self._rate_hz = rate_hz
        self._step = -int(-rate_hz // _GIF_MAX_RATE_HZ)
        self._count = 0
        self._container = av.open(str(path), 'w', format='gif')
        rate = Fraction(rate_hz / self._step).limit_denominator(1000)
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

    def write(self, image: np.ndarray) -> None:
        number = self._count
        self._count += 1
        if number % self._step:
            return
        frame = self._av.VideoFrame.from_ndarray(image, format='rgb24')
        frame.time_base = Fraction(1, _GIF_TICKS_HZ)
        frame.pts = round(number * _GIF_TICKS_HZ / self._rate_hz)
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
        self._writer = cv2.VideoWriter(str(path), fourcc, rate_hz, size)
        if not self._writer.isOpened():
            raise DrivsegError(
                f'this OpenCV cannot write {path}; install PyAV: {install_hint("report")}'
            )

    def write(self, image: np.ndarray) -> None:
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self._writer.release()
