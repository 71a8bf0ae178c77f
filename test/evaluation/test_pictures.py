# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The video plays back what was written, and the sheet shows the whole run."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_model import tiny_card

from drivseg_ros.errors import DrivsegError
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.report import overlay_video
from drivseg_ros.report.contact_sheet import ContactSheet, write_caption
from drivseg_ros.report.overlay_video import OverlayVideo
from drivseg_ros.report.showcase import Showcase


def gray(value: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def read_video(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        ok, frame = capture.read()
        if not ok:
            return frames
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


@pytest.mark.parametrize('with_av', [True, False])
@pytest.mark.parametrize('size', [(48, 64), (47, 63)])
def test_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_av: bool, size: tuple[int, int]
) -> None:
    if with_av:
        pytest.importorskip('av', reason="PyAV is not installed: pip install '.[report]'")
    else:
        monkeypatch.setitem(__import__('sys').modules, 'av', None)
    path = tmp_path / 'v.mp4'
    values = [20, 120, 220]
    with OverlayVideo(path, rate_hz=20) as video:
        for value in values:
            video.write(gray(value, *size))
        video.write(gray(70, 100, 100))  # another size than the first
    frames = read_video(path)
    assert [f.shape for f in frames] == [(48, 64, 3)] * 4
    for frame, value in zip(frames, [*values, 70], strict=True):
        assert abs(float(frame.mean()) - value) < 6


def test_video_keeps_red_red(tmp_path: Path) -> None:
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0] = 200
    with OverlayVideo(tmp_path / 'v.mp4', rate_hz=5) as video:
        video.write(red)
    r, g, b = read_video(tmp_path / 'v.mp4')[0].reshape(-1, 3).mean(0)
    assert r > 150 > 60 > max(g, b)


@pytest.mark.parametrize(
    ('name', 'rate_hz', 'expected'),
    [('v.avi', 20.0, r'ends in \.mp4'), ('v.mp4', 0.0, 'above 0'), ('v.mp4', -1.0, 'above 0')],
)
def test_video_refusals(tmp_path: Path, name: str, rate_hz: float, expected: str) -> None:
    with pytest.raises(DrivsegError, match=expected):
        OverlayVideo(tmp_path / name, rate_hz=rate_hz)


def test_video_without_frames_is_no_file(tmp_path: Path) -> None:
    with OverlayVideo(tmp_path / 'v.mp4', rate_hz=20):
        pass
    assert not (tmp_path / 'v.mp4').exists()


def test_without_av_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(__import__('sys').modules, 'av', None)
    with OverlayVideo(tmp_path / 'v.mp4', rate_hz=20) as video:
        video.write(gray(9))
    assert 'PyAV is not installed' in caplog.text
    assert overlay_video.__name__ in caplog.records[0].name


@pytest.mark.parametrize('frames', [1, 2, 5, 12, 23, 24, 25, 400, 1000])
def test_sheet_shows_the_whole_run(frames: int) -> None:
    """Tiles are dark at the start and bright at the end, evenly spread between."""
    sheet = ContactSheet(max_tiles=12)
    for i in range(frames):
        sheet.add(gray(round(10 + 200 * i / max(1, frames - 1))), caption='')
    picture = sheet.render()
    tiles = min(12, frames)
    columns = min(3, tiles)
    assert picture.shape[1] == columns * 486 - 6
    rows = -(-tiles // columns)
    height = (picture.shape[0] + 6) // rows
    levels = [
        int(picture[i // columns * height + 20, i % columns * 486 + 20, 0]) for i in range(tiles)
    ]
    assert levels == sorted(levels)
    assert levels[0] == 10
    if frames > 1:
        assert levels[-1] > 150


def test_sheet_refusals(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='even number'):
        ContactSheet(max_tiles=3)
    with pytest.raises(DrivsegError, match='no frame'):
        ContactSheet().render()


def test_caption_stays_at_the_lower_edge() -> None:
    image = gray(200, 100, 200)
    write_caption(image, 'frame 1')
    assert (image[:70] == 200).all()
    assert image[-20:].max() > 200
    assert image[-20:].min() < 100


def test_showcase(tmp_path: Path) -> None:
    card = tiny_card()
    class_ids = np.full((48, 64), 2, np.uint8)
    class_ids[:24] = 0
    result = Segmentation(class_ids=class_ids, confidence=None, card=card)
    video, sheet = tmp_path / 'v.mp4', tmp_path / 's.png'
    image = gray(100)
    image.flags.writeable = False
    with Showcase(video=video, contact_sheet=sheet, rate_hz=10, alpha=1.0) as showcase:
        showcase.add(image, result, caption='with')
        showcase.add(image, None, caption='without')
    first, second = read_video(video)
    color = np.array(card.classes[0].color)
    assert np.abs(first[:16].mean((0, 1)) - color).max() < 25
    assert np.abs(second[:16].mean((0, 1)) - 100).max() < 6
    assert sheet.exists()


def test_showcase_that_shows_nothing(tmp_path: Path) -> None:
    with Showcase(video=None, contact_sheet=tmp_path / 's.png', rate_hz=10, alpha=0.5):
        pass
    assert not list(tmp_path.iterdir())
