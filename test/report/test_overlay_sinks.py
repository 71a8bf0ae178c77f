# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Overlay videos and contact sheets of a pass."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_cases import BDD100K, DRAWN, result_of
from plain_colors import read_frames
from tiny_model import tiny_card

from drivseg_ros.errors import DataError, DrivsegError
from drivseg_ros.evaluation.measured import Terms
from drivseg_ros.evaluation.sink import Sinks
from drivseg_ros.evaluation.sums import Sums
from drivseg_ros.evaluation.tally import FrameRow
from drivseg_ros.frames.labelled_frame import LabelledFrame, LostFrame
from drivseg_ros.images.overlay import Look
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.report.overlay_sinks import Captions, OverlaySheet, OverlayVideo

FOUND = result_of([])
TERMS = Terms(BDD100K, DRAWN)
ROW = FrameRow('frame', 'frame', 0, Sums.zero(BDD100K))
CARD = tiny_card()


def gray(value: int, height: int = 48, width: int = 64) -> np.ndarray:
    image = np.full((height, width, 3), value, np.uint8)
    image.flags.writeable = False
    return image


def half(height: int = 48, width: int = 64) -> Segmentation:
    """The upper half of class 0, the lower of class 2, which has no role."""
    class_ids = np.full((height, width), 2, np.uint8)
    class_ids[: height // 2] = 0
    return Segmentation(class_ids=class_ids, confidence=None, card=CARD)


def sinks_of(folder: Path, **options: object) -> list[OverlayVideo | OverlaySheet]:
    look = Look(alpha=1.0)
    video = OverlayVideo(folder / 'v.mp4', rate_hz=10, look=look, **options)
    return [video, OverlaySheet(folder / 's.png', look=look)]


def test_frames_with_and_without_a_mask(tmp_path: Path) -> None:
    both = Sinks(sinks_of(tmp_path))
    both.begin(TERMS)
    both.add(LabelledFrame('a', gray(100), stamp_ns=5), half(), ROW)
    both.lose(LostFrame('b', 'dropped', 'it was played, and no mask came', gray(100)))
    both.lose(LostFrame('c', 'jpeg', 'it is torn'))  # how it looks is unknown
    assert not (tmp_path / 'v.mp4').exists()
    both.finish(FOUND)
    first, second = read_frames(tmp_path / 'v.mp4')
    assert np.abs(first[:16].mean((0, 1)) - np.array(CARD.classes[0].color)).max() < 25
    assert np.abs(second[:16].mean((0, 1)) - 100).max() < 6
    sheet = cv2.imread(str(tmp_path / 's.png'))
    assert sheet.shape[1] == 2 * 486 - 6
    assert {p.name for p in tmp_path.iterdir()} == {'v.mp4', 's.png'}


def test_without_frames_there_are_no_files(tmp_path: Path) -> None:
    both = Sinks(sinks_of(tmp_path))
    both.begin(TERMS)
    both.lose(LostFrame('c', 'jpeg', 'it is torn'))
    both.finish(FOUND)
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_of_a_pass_that_failed(tmp_path: Path) -> None:
    both = Sinks(sinks_of(tmp_path))
    both.begin(TERMS)
    both.add(LabelledFrame('a', gray(100)), half(), ROW)
    both.abort()
    assert not list(tmp_path.iterdir())


def test_one_that_cannot_be_completed_does_not_keep_the_other_from_it(tmp_path: Path) -> None:
    (tmp_path / 'v.mp4').mkdir()
    both = Sinks(sinks_of(tmp_path))
    both.begin(TERMS)
    both.add(LabelledFrame('a', gray(100)), half(), ROW)
    with pytest.raises(DataError, match=r'v\.mp4'):
        both.finish(FOUND)
    assert (tmp_path / 's.png').is_file()


def test_width_and_rate(tmp_path: Path) -> None:
    video = OverlayVideo(
        tmp_path / 'v.mp4',
        rate_hz=5,
        look=Look(side_by_side=True),
        captions=False,
        width=32,
    )
    video.begin(TERMS)
    for value in (50, 150):
        video.add(LabelledFrame('a', gray(value)), half(), ROW)
    video.finish(FOUND)
    assert [frame.shape for frame in read_frames(tmp_path / 'v.mp4')] == [(12, 32, 3)] * 2
    rate = cv2.VideoCapture(str(tmp_path / 'v.mp4')).get(cv2.CAP_PROP_FPS)
    assert rate == pytest.approx(5)


def test_a_name_that_is_no_video_is_refused_before_the_first_frame(tmp_path: Path) -> None:
    with pytest.raises(DrivsegError, match=r'ends in \.mp4'):
        OverlayVideo(tmp_path / 'v.avi', rate_hz=5, look=Look())


def test_captions() -> None:
    captions = Captions()
    assert captions.of(2_000_000_000) == 'frame 1   0.00 s'
    assert captions.of(None, lost=True) == 'frame 2   no mask: dropped or failed'
    assert captions.of(2_500_000_000) == 'frame 3   0.50 s'
