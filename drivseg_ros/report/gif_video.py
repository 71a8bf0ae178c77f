# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Animated GIF by PyAV: each frame has 256 colours of its own."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from drivseg_ros.errors import MissingDependencyError, ParameterError

# A GIF counts in hundredths of a second, and viewers slow a frame of less than two of them down to
# ten.
_TICKS_HZ = 100
_MAX_RATE_HZ = 50


def require_av() -> ModuleType:
    """PyAV.

    Raises:
        MissingDependencyError: if it is not installed.
    """
    try:
        import av
    except ImportError:
        raise MissingDependencyError(
            'a .gif is written by PyAV, which is not installed: '
            "pip install 'drivseg_ros[report]'; or write an .mp4"
        ) from None
    return av


class GifVideo:
    """Writes a .gif frame by frame, endlessly repeated; the first frame decides the size.

    Where the rate is above 50 Hz, frames are left out evenly: the duration stays right.

    Args:
        path: the file to write.
        rate_hz: frames a second.

    Raises:
        MissingDependencyError: if PyAV is not installed.
        ParameterError: if the rate is not above 0.
    """

    def __init__(self, path: Path, *, rate_hz: float) -> None:
        if not rate_hz > 0:
            raise ParameterError(f'a video rate of {rate_hz} Hz was given; it must be above 0')
        self._av = require_av()
        self._path = path
        self._rate_hz = rate_hz
        self._step = -int(-rate_hz // _MAX_RATE_HZ)
        self._count = 0
        self._size = (0, 0)
        self._container: Any = None

    def write(self, image: np.ndarray) -> None:
        """Adds a frame.

        Args:
            image: uint8 [H, W, 3] RGB; a frame of another size than the first is resized.
        """
        number = self._count
        self._count += 1
        if number % self._step:
            return
        if self._container is None:
            self._open((image.shape[1], image.shape[0]))
        if image.shape[1::-1] != self._size:
            image = cv2.resize(np.ascontiguousarray(image), self._size)
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format='rgb24')
        frame.time_base = Fraction(1, _TICKS_HZ)
        frame.pts = round(number * _TICKS_HZ / self._rate_hz)
        self._source.push(frame)
        self._take_frames()

    def close(self) -> None:
        """Finishes the file; without a frame there is none."""
        if self._container is None:
            return
        self._source.push(None)
        self._take_frames()
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._container = None

    def __enter__(self) -> GifVideo:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _open(self, size: tuple[int, int]) -> None:
        self._size = size
        tick = Fraction(1, _TICKS_HZ)
        container = self._av.open(str(self._path), 'w', format='gif')
        rate = Fraction(self._rate_hz / self._step).limit_denominator(1000)
        self._stream = container.add_stream('gif', rate=rate)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = 'pal8'
        self._stream.codec_context.time_base = tick
        # Without these, a frame whose palette is the first one's is written as its difference
        # from the frame before, of which FFmpeg compares the indices, not the colours.
        self._stream.options = {'gifflags': '-offsetting-transdiff'}
        graph = self._av.filter.Graph()
        source = graph.add_buffer(
            width=size[0], height=size[1], format=self._av.VideoFormat('rgb24'), time_base=tick
        )
        split = graph.add('split')
        # One palette for the whole video would have every frame wait in memory for the last one.
        palette = graph.add('palettegen', 'stats_mode=single')
        use = graph.add('paletteuse', 'new=1:dither=bayer:bayer_scale=4')
        source.link_to(split)
        split.link_to(palette, 0, 0)
        split.link_to(use, 1, 0)
        palette.link_to(use, 0, 1)
        sink = graph.add('buffersink')
        use.link_to(sink)
        graph.configure()
        self._graph, self._source, self._sink = graph, source, sink
        self._container = container

    def _take_frames(self) -> None:
        while True:
            try:
                frame = self._sink.pull()
            except (BlockingIOError, EOFError):
                return
            self._container.mux(self._stream.encode(frame))
