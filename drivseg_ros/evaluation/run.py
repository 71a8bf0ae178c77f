# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one pass over frames: masks are made or taken, counted, and given to sinks."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence

from drivseg_ros.base.frame_ledger import FrameLedger
from drivseg_ros.evaluation.frame_times import FrameTimer
from drivseg_ros.evaluation.measured import Terms
from drivseg_ros.evaluation.network import Network
from drivseg_ros.evaluation.part import Part
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.evaluation.sink import Sink, Sinks
from drivseg_ros.evaluation.tally import FrameRow, Tally
from drivseg_ros.frames.attributes import choose
from drivseg_ros.frames.labelled_frame import DROPPED, LostFrame
from drivseg_ros.frames.matching import match_classes
from drivseg_ros.frames.source import FrameSource

MAX_FAILURES = 100
"""The text of more failures is not kept; they are counted all the same."""

OnFrame = Callable[[int, int], None]
"""Called with the frames done and the frames there are."""


def evaluate(
    source: FrameSource,
    network: Network,
    *,
    settings: EvaluationSettings,
    sinks: Sequence[Sink] = (),
    on_frame: OnFrame = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Goes through all frames, once and in order.

    A frame that cannot be read is left out; labels that mean nothing end the run, for the
    other frames' labels then mean something else as well. If it fails, the sinks take back what
    they made; if it is stopped, they complete it.

    Args:
        source: the frames.
        network: gives the masks.
        settings: what is counted, and how.
        sinks: what else is made of the frames.
        on_frame: called after each frame.
        stop: asked before each frame; True ends the run early.

    Returns:
        What was found, also where no frame could be processed.

    Raises:
        DataError: if labels and masks do not fit each other, or a sink cannot write.
        BagError: if a bag is damaged.
        EngineError: if the engine fails.
    """
    terms = Terms(match_classes(source.labels, network.classes), settings, network.mode)
    everything = Sinks(sinks)
    with everything.aborted_on_error():
        everything.begin(terms)
        network.warm_up()
        tally, timer, ledger = Tally(terms.matching, settings), FrameTimer(), FrameLedger()
        failures: dict[str, str] = {}
        unlabelled = 0
        interrupted = has_confidence = False
        frames, total = iter(source), len(source)
        while not (interrupted := stop()):
            began = time.perf_counter()
            frame = next(frames, None)
            if frame is None:
                break
            read_ms = (time.perf_counter() - began) * 1e3
            ledger.offer()
            if isinstance(frame, LostFrame):
                _lose(frame, ledger, failures)
                everything.lose(frame)
            else:
                found = network.segment(frame)
                row = tally.add(frame, found)
                timer.add(found.timings, read_ms=read_ms)
                ledger.process()
                unlabelled += frame.label is None
                has_confidence |= found.confidence is not None
                everything.add(frame, found, row)
            on_frame(ledger.counts().offered, total)
        part = Part(
            source.describe(),
            ledger.counts(),
            unlabelled,
            source.unmatched_labels,
            failures,
            interrupted=interrupted,
            times=timer.times,
        )
        evaluation = Evaluation(
            terms.matching,
            settings,
            terms.mode,
            network.description,
            (network.complete(part),),
            _with_attributes(tally.rows, source.attributes),
            tally.bands,
            tally.calibration if has_confidence and terms.matching.answers is not None else None,
        )
        everything.finish(evaluation)
    return evaluation


def _lose(frame: LostFrame, ledger: FrameLedger, failures: dict[str, str]) -> None:
    if frame.kind == DROPPED:
        ledger.drop()
        return
    ledger.fail(frame.kind, frame.message)
    if len(failures) < MAX_FAILURES:
        failures[frame.name] = frame.message


def _with_attributes(
    rows: Sequence[FrameRow], attributes: Mapping[str, Mapping[str, str]] | None
) -> tuple[FrameRow, ...]:
    if not attributes or not rows:
        return tuple(rows)
    chosen = choose(attributes, [row.name for row in rows])
    return tuple(dataclasses.replace(row, attributes=chosen[row.name]) for row in rows)
