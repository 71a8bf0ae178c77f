# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One row of a parity report, made in a process of its own (`python -m` this module)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivseg_ros.base.child import OnNote, serve
from drivseg_ros.engines.spec import EngineSpec
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.network import RunNetwork
from drivseg_ros.evaluation.notes import none_processed
from drivseg_ros.evaluation.open_source import open_source
from drivseg_ros.evaluation.parity.agreement import (
    ParityBounds,
    ParityResult,
    check_same_classes,
)
from drivseg_ros.evaluation.parity.sinks import AgreementWithFolder, MaskFolder, accuracy_values
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.run import evaluate
from drivseg_ros.evaluation.settings import PLAIN
from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.model.store import find_model
from drivseg_ros.segmenter import Segmenter


@dataclass(frozen=True)
class ReferenceRun:
    """What the reference gave.

    Attributes:
        engine: what ran it.
        frames: so many were processed.
        failed: why others were not, by name.
        images_sha256: tells the images from others.
        labels_sha256: tells the labels from others; '' without any.
        metrics: against the labels, by name; empty without labels.
    """

    engine: Mapping[str, Any]
    frames: int
    failed: Mapping[str, str]
    images_sha256: str
    labels_sha256: str
    metrics: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class RowRequest:
    """A run that a worker is asked for.

    Attributes:
        model: the model file.
        spec: the engine.
        threads: of the engine; 0 leaves the choice to it.
        data: the frames: the arguments of `open_source`.
        masks: the folder of the reference's masks.
        reference_model: the model file of the reference.
        reference: what the reference gave; None asks for the reference itself.
        bounds: what is still the same.
    """

    model: str
    spec: EngineSpec
    threads: int
    data: Mapping[str, Any]
    masks: Path
    reference_model: str
    reference: ReferenceRun | None = None
    bounds: ParityBounds = field(default_factory=ParityBounds)


def handle(request: RowRequest, note: OnNote) -> ReferenceRun | dict[str, Any]:
    """Runs the reference, or compares a candidate with it.

    Args:
        request: what is asked for.
        note: called with {'done': frames}.

    Returns:
        What the reference gave, or the candidate's row.

    Raises:
        DataError: if no frame can be processed.
        DrivsegError: if the model cannot be run.
    """
    card = find_model(request.reference_model).card
    source = open_source(**request.data, card=card)
    with Segmenter.open(
        request.model,
        engine=request.spec.engine,
        precision=request.spec.precision,
        device=request.spec.device,
        threads=request.threads,
    ) as segmenter:
        check_same_classes(card, segmenter.card)
        network = RunNetwork(segmenter)

        def go_through(sink: Sink) -> Evaluation:
            return evaluate(
                source,
                network,
                settings=PLAIN,
                sinks=[sink],
                on_frame=lambda done, total: note({'done': done}),
            )

        engine = {**network.description, 'file': segmenter.engine.model.path.name}
        if request.reference is None:
            found = go_through(MaskFolder(request.masks))
            if not found.counts.processed:
                raise DataError(none_processed(found))
            (part,) = found.parts
            return ReferenceRun(
                engine,
                found.counts.processed,
                part.failures,
                found.images_sha256,
                found.labels_sha256,
                accuracy_values(found),
            )
        agreement = AgreementWithFolder(request.masks, request.reference.metrics)
        go_through(agreement)
    failures = request.bounds.failures(agreement.result)
    return {
        'engine': engine,
        'verdict': 'fail' if failures else 'pass',
        'reasons': failures,
        **describe_result(agreement.result),
    }


def describe_result(result: ParityResult) -> dict[str, Any]:
    """The numbers of a comparison as plain data."""
    confidence = result.confidence
    return {
        'frames': result.frames,
        'agreement_percent': round(result.agreement, 5),
        'worst_frame': {
            'name': result.worst_frame,
            'agreement_percent': round(result.worst_agreement, 4),
        },
        'confidence_steps_of_255': None
        if confidence is None
        else {'mean': round(confidence.mean, 5), 'largest': confidence.largest},
        'miou_change_points': _points(result.change('miou')),
        'drivable_iou_change_points': _points(result.change('drivable_iou')),
        'metrics': {name: _rounded(value) for name, value in result.metrics.items()},
    }


def _points(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


if __name__ == '__main__':
    serve(handle, RowRequest)
