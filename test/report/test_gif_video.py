# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A GIF plays as long as the video it was made from, in its colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivseg_ros.errors import ParameterError
from drivseg_ros.report.gif_video import GifVideo

pytest.importorskip('av', reason="PyAV is not installed: pip install '.[report]'")
PIL = pytest.importorskip('PIL.Image', reason='Pillow, the independent codec, is not installed')


@pytest.mark.parametrize(
    ('rate_hz', 'frames', 'expected_frames', 'expected_ms'),
    [(25, 10, 10, 400), (30, 30, 30, 1000), (10, 3, 3, 300), (100, 12, 6, 120), (60, 30, 15, 500)],
)
def test_duration(
    tmp_path: Path, rate_hz: float, frames: int, expected_frames: int, expected_ms: int
) -> None:
    path = tmp_path / 'v.gif'
    with GifVideo(path, rate_hz=rate_hz) as video:
        for i in range(frames):
            video.write(np.full((33, 47, 3), (8 * i, 100, 0), np.uint8))
    with PIL.open(path) as gif:
        assert gif.n_frames == expected_frames
        assert gif.size == (47, 33)
        assert gif.info['loop'] == 0
        durations, reds = [], []
        for i in range(gif.n_frames):
            gif.seek(i)
            durations.append(gif.info['duration'])
            reds.append(int(np.asarray(gif.convert('RGB'))[16, 20, 0]))
    assert min(durations) >= 20
    assert abs(sum(durations) - expected_ms) <= 20  # the last frame's is the encoder's guess
    step = frames // expected_frames
    assert np.abs(np.array(reds) - 8 * step * np.arange(expected_frames)).max() <= 4


def test_frames_of_another_size_are_resized(tmp_path: Path) -> None:
    with GifVideo(tmp_path / 'v.gif', rate_hz=10) as video:
        video.write(np.full((20, 30, 3), 10, np.uint8))
        video.write(np.full((40, 30, 3), 200, np.uint8))
    with PIL.open(tmp_path / 'v.gif') as gif:
        assert (gif.n_frames, gif.size) == (2, (30, 20))


def test_without_frames_there_is_no_file(tmp_path: Path) -> None:
    with GifVideo(tmp_path / 'v.gif', rate_hz=10):
        pass
    assert not (tmp_path / 'v.gif').exists()


@pytest.mark.parametrize('rate_hz', [0.0, -5.0])
def test_refusals(tmp_path: Path, rate_hz: float) -> None:
    with pytest.raises(ParameterError, match='above 0'):
        GifVideo(tmp_path / 'v.gif', rate_hz=rate_hz)
