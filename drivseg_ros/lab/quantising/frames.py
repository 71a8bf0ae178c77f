# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which frames a model is calibrated on, and on which others it is judged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.frames.evaluated import Frames
from drivseg_ros.segmenter import Segmenter

MIN_FRAMES = 8
"""Fewer do not show what a network meets."""

_MIN_TO_SPLIT = 20

# Neighbours in a drive are all but the same picture, so a set is cut into runs and not into single
# frames; and there are several, because the second half of a drive may be another place.
_RUNS = 10

SPLIT_RULE = f'cut into {_RUNS} runs; 1st, 3rd, ... for calibration, 2nd, 4th, ... to judge'
"""The rule in words, as cards quote it."""


def split_frames(frames: Frames, *, calibrate: int, judge: int) -> tuple[Frames, Frames]:
    """Different frames of one set to calibrate on and to judge by.

    Args:
        frames: the set.
        calibrate: so many frames at most, spread evenly.
        judge: likewise.

    Raises:
        DataError: if there are too few frames.
    """
    if len(frames) < _MIN_TO_SPLIT:
        raise DataError(
            f'{frames.description} has {len(frames)} frames; at least {_MIN_TO_SPLIT} are needed '
            'to calibrate on some and judge by others: give more, or another set to judge by '
            '(--judge)'
        )
    runs = [i * _RUNS // len(frames) for i in range(len(frames))]
    return (
        frames.take(spread([i for i, run in enumerate(runs) if run % 2 == 0], calibrate)),
        frames.take(spread([i for i, run in enumerate(runs) if run % 2 == 1], judge)),
    )


def spread(places: list[int], count: int) -> list[int]:
    """So many of some places at most, the middles of equal parts."""
    if count >= len(places):
        return places
    return [places[(2 * i + 1) * len(places) // (2 * count)] for i in range(count)]


def require_frames(frames: Frames, purpose: str) -> None:
    """Refuses a set that is too small, as far as it is known what can be decoded.

    Raises:
        DataError: if it is.
    """
    count = len(frames) - len(frames.failed)
    if count < MIN_FRAMES:
        raise DataError(
            f'{frames.description} has {count} frames to {purpose}'
            + (f' ({len(frames.failed)} cannot be decoded)' if frames.failed else '')
            + f'; at least {MIN_FRAMES} are needed: give more'
        )


def prepared(frames: Frames, segmenter: Segmenter) -> Iterator[np.ndarray]:
    """Frames at the network's size, resized as on the car.

    Yields:
        uint8 [N, H, W, 3] of one frame, N times where the network's batch is fixed to N; valid
        until the next one.
    """
    for frame in frames:
        batch = segmenter.prepare([frame.image])
        batch[1:] = batch[0]
        yield batch
