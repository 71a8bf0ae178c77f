# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One run of a parity report, made in a process of its own (`python -m` this module)."""

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
from drivseg_ros.evaluation.parity.agreement import ParityResult, check_same_classes
from drivseg_ros.evaluation.parity.sinks import (
    AgreementWithFolder,
    MaskFolder,
    accuracy_values,
    decisive_metric,
)
from drivseg_ros.evaluation.run import evaluate
from drivseg_ros.evaluation.settings import PLAIN
from drivseg_ros.model.store import find_model
from drivseg_ros.segmenter import Segmenter


@dataclass(frozen=True)
class RunRequest:
    """A run that a worker is asked for.

    Args:
        model: the model file.
        spec: the engine.
        threads: of the engine; 0 leaves the choice to it.
        data: the frames: the arguments of `open_source`.
        masks: the folder of the reference's masks.
        reference_model: the model file of the reference.
        reference: the metrics of the reference; None asks for the reference itself.
    """

    model: str
    spec: EngineSpec
    threads: int
    data: Mapping[str, Any]
    masks: Path
    reference_model: str
    reference: Mapping[str, float | None] | None = None


@dataclass(frozen=True)
class RunAnswer:
    """What a run gave.

    Args:
        engine: what ran the network.
        result: the comparison with the reference, which agrees with itself.
        failed: why frames could not be processed, by name.
        images_sha256: of the images.
        labels_sha256: of the labels; '' without any.
    """

    engine: Mapping[str, Any]
    result: ParityResult
    failed: Mapping[str, str] = field(default_factory=dict)
    images_sha256: str = ''
    labels_sha256: str = ''


def handle(request: RunRequest, note: OnNote) -> RunAnswer:
    """Runs the reference, or compares a candidate with it.

    Args:
        request: what is asked for.
        note: called with {'done': frames}.

    Raises:
        DataError: if no frame can be processed.
        DrivsegError: if the model cannot be run.
    """
    card = find_model(request.reference_model).card
    source = open_source(**request.data, card=card)
    agreement = None
    if request.reference is not None:
        agreement = AgreementWithFolder(request.masks, request.reference)
    with Segmenter.open(
        request.model,
        engine=request.spec.engine,
        precision=request.spec.precision,
        device=request.spec.device,
        threads=request.threads,
    ) as segmenter:
        check_same_classes(card, segmenter.card)
        network = RunNetwork(segmenter)
        engine = {**network.description, 'file': segmenter.engine.model.path.name}
        found = evaluate(
            source,
            network,
            settings=PLAIN,
            sinks=[agreement or MaskFolder(request.masks)],
            on_frame=lambda done, total: note({'done': done}),
        )
    if not found.counts.processed:
        raise DataError(none_processed(found))
    if agreement is not None:
        result = agreement.result
    else:
        result = ParityResult.of_itself(
            found.counts.processed, accuracy_values(found), decisive_metric(found)
        )
    (part,) = found.parts
    return RunAnswer(engine, result, part.failures, found.images_sha256, found.labels_sha256)


if __name__ == '__main__':
    serve(handle, RunRequest)
