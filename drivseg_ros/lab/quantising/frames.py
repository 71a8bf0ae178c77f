# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which frames a model is calibrated on, and on which others it is evaluated."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.evaluation.open_source import is_bag, open_source
from drivseg_ros.frames.source import FrameSource, ReadableFrames
from drivseg_ros.model.card import ModelCard
from drivseg_ros.segmenter import Segmenter

MIN_FRAMES = 8
"""Fewer do not show what a network meets."""

_MIN_TO_SPLIT = 20

# Neighbours in a drive are all but the same picture, so a set is cut into runs and not into single
# frames; and there are several, because the second half of a drive may be another place.
_RUNS = 10


def choose_frames(
    data: str,
    evaluate_on: str | None,
    *,
    card: ModelCard,
    calibrate: int,
    evaluate: int,
    labels: str | None = None,
    image_topic: str | None = None,
    label_topic: str | None = None,
) -> tuple[ReadableFrames, ReadableFrames]:
    """Opens the frames to calibrate on and those to evaluate on.

    Args:
        data: frames to calibrate on, for `open_source`.
        evaluate_on: others to evaluate on; None takes other frames of `data`.
        card: of the network.
        calibrate: so many frames at most, spread evenly.
        evaluate: likewise.
        labels: what the labels of the frames to evaluate on mean, for `open_source`.
        image_topic: of whichever is a bag.
        label_topic: of the bag to evaluate on.

    Raises:
        ParameterError: if both are the same, or a topic is given and neither is a bag.
        DataError: if there are no frames, or too few, or nothing says what their labels mean.
    """
    labelled = functools.partial(
        open_source, labels=labels, label_topic=label_topic, card=card, labelled_only=True
    )
    if evaluate_on is None:
        whole = labelled(data, image_topic=image_topic)
        return split_frames(whole, calibrate=calibrate, evaluate=evaluate)
    there = [Path(text) for text in (data, evaluate_on) if Path(text).exists()]
    if data == evaluate_on or (len(there) == 2 and there[0].samefile(there[1])):
        raise ParameterError(
            f'{evaluate_on} is what it is calibrated on, so it shows nothing new; leave '
            '--evaluation-data out to take other frames of it, or name another set'
        )
    # The topic is that of whichever is a bag.
    for_data, for_evaluation = (
        image_topic if is_bag(Path(text)) else None for text in (data, evaluate_on)
    )
    if image_topic is not None and for_data is for_evaluation is None:
        raise ParameterError(
            f'neither {data} nor {evaluate_on} is a bag, and a topic was given; leave '
            '--image-topic out'
        )
    calibration = open_source(
        data, image_topic=for_data, with_labels=False, limit=calibrate, evenly=True
    )
    evaluation = labelled(evaluate_on, image_topic=for_evaluation, limit=evaluate, evenly=True)
    return ReadableFrames(calibration), ReadableFrames(evaluation)


def split_frames(
    source: FrameSource, *, calibrate: int, evaluate: int
) -> tuple[ReadableFrames, ReadableFrames]:
    """Different frames of one set to calibrate on and to evaluate on.

    Args:
        source: the set.
        calibrate: so many frames at most, spread evenly.
        evaluate: likewise.

    Raises:
        DataError: if there are too few frames.
    """
    if len(source) < _MIN_TO_SPLIT:
        raise DataError(
            f'{source.title} has {len(source)} frames; at least {_MIN_TO_SPLIT} are needed '
            'to calibrate on some and evaluate on others: give more, or another set to evaluate '
            'on (--evaluation-data)'
        )
    runs = [i * _RUNS // len(source) for i in range(len(source))]
    odd, even = ([i for i, run in enumerate(runs) if run % 2 == side] for side in (0, 1))
    return (
        ReadableFrames(source.take(spread(odd, calibrate))),
        ReadableFrames(source.take(spread(even, evaluate))),
    )


def spread(places: list[int], count: int) -> list[int]:
    """So many of some places at most, the middles of equal parts."""
    if count >= len(places):
        return places
    return [places[(2 * i + 1) * len(places) // (2 * count)] for i in range(count)]


def require_frames(frames: ReadableFrames, purpose: str) -> None:
    """Refuses a set that is too small, as far as it is known what can be decoded.

    Raises:
        DataError: if it is.
    """
    count = len(frames) - len(frames.failed)
    if count < MIN_FRAMES:
        raise DataError(
            f'{frames.source.title} has {count} frames to {purpose}'
            + (f' ({len(frames.failed)} cannot be decoded)' if frames.failed else '')
            + f'; at least {MIN_FRAMES} are needed: give more'
        )


def prepared(frames: ReadableFrames, segmenter: Segmenter) -> Iterator[np.ndarray]:
    """Frames at the network's size, resized as on the car.

    Yields:
        uint8 [N, H, W, 3] of one frame, N times where the network's batch is fixed to N; valid
        until the next one.
    """
    for frame in frames:
        batch = segmenter.prepare([frame.pixels()])
        batch[1:] = batch[0]
        yield batch
