# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames to calibrate on are others than those to evaluate on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from color_bag import write_color_bag
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import tiny_card

from drivseg_ros.errors import DataError
from drivseg_ros.frames.source import FrameSource, ReadableFrames
from drivseg_ros.lab.quantising.frames import (
    MIN_FRAMES,
    choose_frames,
    require_frames,
    split_frames,
)


class Numbers(FrameSource):
    title = 'numbers'

    def __init__(self, places: Sequence[int]) -> None:
        self.places = list(places)

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.places)

    def take(self, places: Sequence[int]) -> Numbers:
        return Numbers([self.places[i] for i in sorted(places)])

    def describe(self) -> dict[str, Any]:
        return {}


@given(st.integers(20, 3000), st.integers(8, 300), st.integers(8, 300))
def test_split(count: int, calibrate: int, evaluate: int) -> None:
    both = split_frames(Numbers(range(count)), calibrate=calibrate, evaluate=evaluate)
    first, second = (frames.source for frames in both)
    assert isinstance(first, Numbers)
    assert isinstance(second, Numbers)
    assert not set(first.places) & set(second.places)
    for part, wanted in ((first, calibrate), (second, evaluate)):
        assert len(set(part.places)) == len(part.places) <= wanted
        assert len(part.places) >= min(wanted, MIN_FRAMES)
        # From the whole of the set.
        assert part.places[0] <= 0.3 * count
        assert part.places[-1] >= 0.7 * count - 1


@pytest.mark.parametrize('count', [0, 1, 19])
def test_too_few_to_split(count: int) -> None:
    with pytest.raises(DataError, match=rf'has {count} frames; at least 20 .*--evaluation-data'):
        split_frames(Numbers(range(count)), calibrate=8, evaluate=8)


def test_too_few() -> None:
    require_frames(ReadableFrames(Numbers(range(8))), 'evaluate on')
    with pytest.raises(DataError, match=r'numbers has 7 frames to evaluate on; at least 8 '):
        require_frames(ReadableFrames(Numbers(range(7))), 'evaluate on')


@pytest.mark.parametrize(
    ('data', 'evaluate_on', 'lengths'),
    [('bag', None, (12, 12)), ('bag', 'folder', (24, 40)), ('folder', 'bag', (40, 24))],
)
def test_bags_and_folders(
    data: str,
    evaluate_on: str | None,
    lengths: tuple[int, int],
    tmp_path: Path,
    colour_frames: Path,
) -> None:
    places = {'bag': write_color_bag(tmp_path / 'bag', frames=24).path, 'folder': colour_frames}
    labelled = evaluate_on or data
    calibration, evaluation = choose_frames(
        str(places[data]),
        None if evaluate_on is None else str(places[evaluate_on]),
        card=tiny_card(),
        calibrate=100,
        evaluate=100,
        image_topic='/cam/image_raw',
        labels='labels' if labelled == 'folder' else None,
        label_topic='/cam/label' if labelled == 'bag' else None,
    )
    assert (len(calibration), len(evaluation)) == lengths
    assert evaluation.source.labels is not None
    assert not {f.name for f in calibration} & {f.name for f in evaluation}
