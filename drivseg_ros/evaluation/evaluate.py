# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation offline: every frame in order through the Segmenter, or masks that are there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drivseg_ros.base.frame_ledger import FrameLedger
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.frame_times import FrameTimer
from drivseg_ros.evaluation.measured import Mode
from drivseg_ros.evaluation.part import Part
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.evaluation.tally import FrameRow, Tally
from drivseg_ros.frames.attributes import Attributes, choose
from drivseg_ros.frames.labelled_frame import DROPPED, LabelledFrame, LostFrame
from drivseg_ros.frames.matching import match_classes
from drivseg_ros.frames.source import FrameSource
from drivseg_ros.model.card import ModelClass
from drivseg_ros.segmenter import Segmenter

MAX_FAILURES = 100
"""The text of more failures is not kept; they are counted all the same."""


def evaluate_source(
    source: FrameSource,
    segmenter: Segmenter | None,
    settings: EvaluationSettings,
    *,
    network: Mapping[str, Any],
    network_classes: tuple[ModelClass, ...],
    attributes: Attributes | None = None,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Judges every frame.

    A frame that cannot be read costs that frame; labels that mean nothing end the run, for the
    other frames' labels then mean something else as well.

    Args:
        source: the frames.
        segmenter: makes the masks; None if they are there.
        settings: what is counted, and how.
        network: describes what made the masks; plain data.
        network_classes: the classes of the masks.
        attributes: by frame.
        on_frame: called with the frames done and the frames there are.

    Raises:
        DataError: if no frame is left, labels and masks do not fit each other, or there is no
            figure to tell.
        EngineError: if the engine fails.
    """
    matching = match_classes(source.labels, network_classes)
    tally = Tally(matching, settings)
    ledger = FrameLedger()
    failures: dict[str, str] = {}
    unlabelled = 0
    has_confidence = False
    wants_confidence = segmenter is not None and segmenter.engine.model.has_confidence
    if segmenter is not None:
        segmenter.warm_up()  # or the first frame would take longer than the others
    timer = FrameTimer()
    for done, frame in enumerate(source, start=1):
        ledger.offer()
        if isinstance(frame, LostFrame):
            if frame.kind == DROPPED:
                ledger.drop()
            else:
                ledger.fail(frame.kind, frame.message)
                if len(failures) < MAX_FAILURES:
                    failures[frame.name] = frame.message
        else:
            has_confidence |= _judge(frame, segmenter, tally, timer, wants_confidence)
            unlabelled += frame.label is None
            ledger.process()
        on_frame(done, len(source))
    counts = ledger.counts()
    if not counts.processed:
        raise DataError(
            f'none of {counts.offered} frames could be judged'
            + (f'; the last: {counts.last_error}' if counts.last_error else '')
        )
    return Evaluation(
        matching,
        settings,
        Mode.MASKS if segmenter is None else Mode.NETWORK,
        network,
        (
            Part(
                source.describe(),
                counts,
                unlabelled,
                source.unmatched_labels,
                failures,
                times=timer.times,
            ),
        ),
        tuple(_with_attributes(tally.rows, attributes)),
        tally.bands,
        tally.calibration if has_confidence and matching.answers is not None else None,
    )


def _judge(
    frame: LabelledFrame,
    segmenter: Segmenter | None,
    tally: Tally,
    timer: FrameTimer,
    wants_confidence: bool,
) -> bool:
    """Counts a frame; whether it has a confidence."""
    mask, confidence = frame.mask, frame.confidence
    if segmenter is not None:
        if frame.image is None:
            raise DataError(f'the frame {frame.name} has no image for the network')
        (found,) = segmenter.segment([frame.image], confidence=wants_confidence)
        mask, confidence = found.class_ids, found.confidence
        if found.timings is not None:
            timer.add(found.timings)
    if mask is None:
        raise DataError(f'the frame {frame.name} has no mask, and no network was given')
    tally.add(
        frame.name,
        mask,
        frame.label,
        confidence=confidence,
        image=frame.image,
        group=frame.group,
        sequence=frame.sequence,
        stamp_ns=frame.stamp_ns,
    )
    return confidence is not None


def _with_attributes(rows: Sequence[FrameRow], attributes: Attributes | None) -> list[FrameRow]:
    if not attributes:
        return [*rows]
    chosen = choose(attributes, [row.name for row in rows])
    return [dataclasses.replace(row, attributes=chosen[row.name]) for row in rows]
