# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A video plays back what was written; a GIF as long as its frames lasted, in their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plain_colors import read_frames

from drivseg_ros.errors import DrivsegError, MissingDependencyError
from drivseg_ros.report import video as video_module
from drivseg_ros.report.video import Video, check_video

PIL = pytest.importorskip('PIL.Image', reason='Pillow, the independent codec, is not installed')
NO_AV = "PyAV is not installed: pip install '.[report]'"


def gray(value: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


@pytest.mark.parametrize(
    ('rate_hz', 'frames', 'expected_frames', 'expected_ms'),
    [(25, 10, 10, 400), (30, 30, 30, 1000), (10, 3, 3, 300), (100, 12, 6, 120), (60, 30, 15, 500)],
)
def test_duration_of_a_gif(
    tmp_path: Path, rate_hz: float, frames: int, expected_frames: int, expected_ms: int
) -> None:
    pytest.importorskip('av', reason=NO_AV)
    path = tmp_path / 'v.gif'
    with Video(path, rate_hz=rate_hz) as video:
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


def test_gif_frames_of_another_size_are_resized(tmp_path: Path) -> None:
    pytest.importorskip('av', reason=NO_AV)
    with Video(tmp_path / 'v.gif', rate_hz=10) as video:
        video.write(np.full((20, 30, 3), 10, np.uint8))
        video.write(np.full((40, 30, 3), 200, np.uint8))
    with PIL.open(tmp_path / 'v.gif') as gif:
        assert (gif.n_frames, gif.size) == (2, (30, 20))


@pytest.mark.parametrize('name', ['v.mp4', 'v.gif'])
def test_without_frames_there_is_no_file(tmp_path: Path, name: str) -> None:
    with Video(tmp_path / name, rate_hz=10):
        pass
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize('with_av', [True, False])
@pytest.mark.parametrize('size', [(48, 64), (47, 63)])
def test_mp4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_av: bool, size: tuple[int, int]
) -> None:
    if with_av:
        pytest.importorskip('av', reason=NO_AV)
    else:
        monkeypatch.setitem(__import__('sys').modules, 'av', None)
    path = tmp_path / 'v.mp4'
    values = [20, 120, 220]
    with Video(path, rate_hz=20) as video:
        for value in values:
            video.write(gray(value, *size))
        video.write(gray(70, 100, 100))  # another size than the first
    frames = read_frames(path)
    assert [f.shape for f in frames] == [(48, 64, 3)] * 4
    for frame, value in zip(frames, [*values, 70], strict=True):
        assert abs(float(frame.mean()) - value) < 6


def test_mp4_keeps_red_red(tmp_path: Path) -> None:
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0] = 200
    with Video(tmp_path / 'v.mp4', rate_hz=5) as video:
        video.write(red)
    r, g, b = read_frames(tmp_path / 'v.mp4')[0].reshape(-1, 3).mean(0)
    assert r > 150 > 60 > max(g, b)


@pytest.mark.parametrize(
    ('name', 'rate_hz', 'expected'),
    [
        ('v.avi', 20.0, r'ends in \.mp4 or \.gif'),
        ('v.mp4', 0.0, 'above 0'),
        ('v.gif', -1.0, 'above 0'),
    ],
)
def test_refusals(tmp_path: Path, name: str, rate_hz: float, expected: str) -> None:
    with pytest.raises(DrivsegError, match=expected):
        Video(tmp_path / name, rate_hz=rate_hz)


def test_without_av_mpeg_4_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(__import__('sys').modules, 'av', None)
    with Video(tmp_path / 'v.mp4', rate_hz=20) as video:
        video.write(gray(9))
    assert 'PyAV is not installed' in caplog.text
    assert video_module.__name__ in caplog.records[0].name


def test_a_gif_needs_av(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__('sys').modules, 'av', None)
    with pytest.raises(MissingDependencyError, match='or write an'):
        check_video(tmp_path / 'v.gif')
