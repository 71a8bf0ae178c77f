# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One row of a parity report, made in a process of its own (`python -m` this module)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from drivseg_ros.base.child import OnNote, serve
from drivseg_ros.engines.spec import EngineSpec
from drivseg_ros.evaluation.open_source import open_source
from drivseg_ros.evaluation.parity.agreement import (
    Comparison,
    ParityBounds,
    ParityResult,
    check_same_classes,
    compare,
)
from drivseg_ros.evaluation.parity.recorded_masks import MaskWriter, RecordedSegmenter
from drivseg_ros.evaluation.report import describe_accuracy, describe_engine
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.source import ReadableFrames
from drivseg_ros.model.store import find_model
from drivseg_ros.segmenter import Segmenter


def handle(request: dict[str, Any], note: OnNote) -> dict[str, Any]:
    """Runs the reference, or compares a candidate with it.

    Args:
        request: model, spec (of EngineSpec), threads, data (of open_source), masks (folder);
            for a candidate also reference_model and bounds (of ParityBounds).
        note: called with {'done': frames}.

    Returns:
        For the reference: engine, frames, failed, sha256, accuracy. For a candidate: its row.
    """
    spec = EngineSpec(**request['spec'])
    card = find_model(request['model']).card
    frames = ReadableFrames(open_source(**request['data'], card=card))
    masks = Path(request['masks'])
    with Segmenter.open(
        request['model'],
        engine=spec.engine,
        precision=spec.precision,
        device=spec.device,
        threads=request['threads'],
    ) as segmenter:
        if 'bounds' not in request:
            return _run_reference(segmenter, frames, masks, note)
        card = find_model(request['reference_model']).card
        check_same_classes(card, segmenter.card)
        result = compare(
            RecordedSegmenter(masks, card),
            segmenter,
            frames,
            on_frame=lambda done, total: note({'done': done}),
        )
        failures = ParityBounds(**request['bounds']).failures(result)
        return {
            'engine': _engine(segmenter),
            'verdict': 'fail' if failures else 'pass',
            'reasons': failures,
            **describe_result(result),
        }


def describe_result(result: ParityResult) -> dict[str, Any]:
    """The figures of a comparison as plain data."""
    accuracy = None
    if result.matrix is not None:
        accuracy = describe_accuracy(result.matrix, result.card)
    return {
        'frames': result.frames,
        'agreement_percent': round(result.agreement, 5),
        'worst_frame': {
            'name': result.worst_frame,
            'agreement_percent': round(result.worst_agreement, 4),
        },
        'confidence_steps_of_255': None
        if result.confidence is None
        else {
            'mean': round(result.confidence.mean, 5),
            'largest': result.confidence.largest,
        },
        'miou_change_points': _points(result.miou_change),
        'drivable_iou_change_points': _points(result.drivable_iou_change),
        'accuracy': accuracy,
    }


def _run_reference(
    segmenter: Segmenter, frames: ReadableFrames, masks: Path, note: OnNote
) -> dict[str, Any]:
    writer = MaskWriter(masks)
    comparison = Comparison(segmenter.card, frames.source.labels)
    digest = hashlib.sha256()
    for done, frame in enumerate(frames, 1):
        _update(digest, frame)
        segmentation = segmenter.segment([frame.pixels()], confidence=True)[0]
        writer.add(segmentation)
        comparison.add(frame, reference=segmentation, candidate=segmentation)
        note({'done': done})
    result = comparison.result()
    return {
        'engine': _engine(segmenter),
        'frames': result.frames,
        'failed': frames.failed,
        'pixels_sha256': digest.hexdigest(),
        'accuracy': None
        if result.matrix is None
        else describe_accuracy(result.matrix, result.card),
    }


def _update(digest: Any, frame: LabelledFrame) -> None:
    for plane in (frame.image, frame.label):
        if plane is not None:
            digest.update(str(plane.shape).encode())
            digest.update(plane.tobytes())


def _engine(segmenter: Segmenter) -> dict[str, Any]:
    described = describe_engine(segmenter.engine)
    described['file'] = segmenter.engine.model.path.name
    return described


def _points(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(value, 5)


if __name__ == '__main__':
    serve(handle)
