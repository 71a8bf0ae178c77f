# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The contact sheet shows the whole run; the showcase, video and sheet of a few frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plain_videos import read_video
from tiny_model import tiny_card

from drivseg_ros.errors import DrivsegError
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.report.contact_sheet import ContactSheet, write_caption
from drivseg_ros.report.showcase import Showcase


def gray(value: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


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
