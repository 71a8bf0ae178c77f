# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The contact sheet shows the whole run; the showcase, video and sheet of a few frames."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from drivseg_ros.errors import DrivsegError
from drivseg_ros.report.contact_sheet import ContactSheet, write_caption


def gray(value: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def gray_of(drawn: list[int], image: np.ndarray) -> np.ndarray:
    drawn.append(1)
    return image


@pytest.mark.parametrize('frames', [1, 2, 5, 12, 23, 24, 25, 400, 1000])
def test_sheet_shows_the_whole_run(frames: int) -> None:
    """Tiles are dark at the start and bright at the end, evenly spread between."""
    sheet = ContactSheet(max_tiles=12)
    drawn: list[int] = []
    for i in range(frames):
        image = gray(round(10 + 200 * i / max(1, frames - 1)))
        sheet.offer(partial(gray_of, drawn, image), caption='')
    assert sheet.tiles == min(12, frames)
    assert len(drawn) < 100  # what is not shown is not drawn
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
