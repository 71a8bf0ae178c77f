# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the card of a quantised model says of its making."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import onnx

from drivseg_ros.base.environment import describe_versions
from drivseg_ros.base.json_data import to_plain
from drivseg_ros.evaluation.parity.agreement import ParityBounds
from drivseg_ros.frames.source import ReadableFrames
from drivseg_ros.lab.quantising.verdict import Verdict
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.file import METADATA_KEY, ModelFile

METHOD = (
    "onnxruntime's quantize_static, convolutions only; weights of 7 bits in int8, one scale an "
    'output channel; activations uint8, one scale a tensor, range: mean over the frames of the '
    'extremes; the most sensitive layers in float'
)


def int8_card(source: ModelCard) -> ModelCard:
    """The card of the int8 model, without its history."""
    return dataclasses.replace(source, name=f'{source.name}_int8', precision='int8', provenance={})


def with_history(
    card: ModelCard,
    source: ModelFile,
    *,
    calibration: ReadableFrames,
    evaluation: ReadableFrames,
    bounds: ParityBounds,
    layers: int,
    kept_float: Sequence[str],
    verdicts: dict[str, Verdict],
) -> ModelCard:
    """The card with all that was done and seen; the source's provenance stays below 'source'.

    Args:
        card: of the int8 model.
        source: the model it was made of.
        calibration: the frames it was calibrated on.
        evaluation: the frames it was evaluated on.
        bounds: what it was held to.
        layers: how many can be quantised.
        kept_float: those of them that stay in float.
        verdicts: by runtime.
    """
    history = {
        'source': {'name': source.card.name, 'sha256': source.sha256},
        'method': METHOD,
        'calibration': {
            'data': calibration.source.title,
            'frames': len(calibration) - len(calibration.failed),
        },
        'evaluated_on': {
            'data': evaluation.source.title,
            'frames': len(evaluation) - len(evaluation.failed),
            'with_labels': evaluation.source.labels is not None,
        },
        'bounds': to_plain(bounds),
        'layers': layers,
        'kept_float': list(kept_float),
        'parity': {name: _describe(verdict) for name, verdict in verdicts.items()},
        'versions': describe_versions(),
    }
    provenance = {'quantisation': history, 'source': dict(source.card.provenance)}
    return dataclasses.replace(card, provenance=provenance)


def with_card(model: onnx.ModelProto, card: ModelCard) -> onnx.ModelProto:
    """A copy of a graph with a card inside."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    result.producer_name = 'drivseg_ros'
    onnx.helper.set_model_props(result, {METADATA_KEY: card.to_json()})
    return result


def _describe(verdict: Verdict) -> dict[str, Any]:
    result = verdict.result
    metrics: dict[str, Any] = {
        'agreement_percent': round(result.agreement, 3),
        'worst_frame_percent': round(result.worst_agreement, 2),
        'keeps_bounds': not verdict.failures,
    }
    miou = result.metrics.get('miou')
    if miou is not None:
        metrics['miou'] = round(miou, 4)
    for name in ('miou', 'drivable_iou'):
        change = result.change(name)
        if change is not None:
            metrics[f'{name}_change_points'] = round(change, 3)
    return metrics
