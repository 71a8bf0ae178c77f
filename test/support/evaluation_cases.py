# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels and masks whose counts are easily had, for tests of the evaluation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.evaluation.measured import Mode
from drivseg_ros.evaluation.metric import MetricValue
from drivseg_ros.evaluation.part import Part
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.settings import BootstrapSettings, EvaluationSettings
from drivseg_ros.evaluation.tally import Tally
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.matching import Matching, areas_of
from drivseg_ros.model.card import BDD100K_CLASSES, UNLABELLED, ModelCard, ModelClass
from drivseg_ros.model.segmentation import Segmentation

BDD100K = Matching(BDD100K_CLASSES, BDD100K_CLASSES, areas_of(BDD100K_CLASSES))
ANY_CARD = ModelCard('any', BDD100K_CLASSES, 8, 8)
DRAWN = EvaluationSettings(bootstrap=BootstrapSettings(draws=200))


def classes(*described: str) -> tuple[ModelClass, ...]:
    """As 'name:role', the role none if it is left out."""
    parts = [text.partition(':') for text in described]
    return tuple(ModelClass(i, p[0], (0, 0, i), p[2] or 'none') for i, p in enumerate(parts))


def random_pair(
    seed: int, *, shape: tuple[int, int] = (24, 32), truth: int = 3, network: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """A label with unlabelled pixels, and a mask that is right in two pixels of three."""
    random = np.random.default_rng(seed)
    label = random.integers(0, truth, shape).astype(np.uint8)
    noise = random.integers(0, network, shape).astype(np.uint8)
    mask = np.where(random.random(shape) < 0.67, np.minimum(label, network - 1), noise)
    label[random.random(shape) < 0.1] = UNLABELLED
    return label, mask.astype(np.uint8)


def result_of(
    pairs: list[tuple[np.ndarray, np.ndarray]],
    *,
    matching: Matching = BDD100K,
    settings: EvaluationSettings = DRAWN,
    confidence: bool = False,
    name: str = 'frame',
) -> Evaluation:
    """An evaluation of these labels and masks."""
    tally = Tally(matching, settings)
    for i, (label, mask) in enumerate(pairs):
        sure = np.random.default_rng(i).integers(0, 256, mask.shape).astype(np.uint8)
        found = Segmentation(mask, sure if confidence else None, ANY_CARD)
        tally.add(LabelledFrame(f'{name} {i}', label=label), found)
    counts = FrameCounts(offered=len(pairs), processed=len(pairs))
    part = Part({'given': name, 'resampled_by': 'frame'}, counts)
    return Evaluation(
        matching,
        settings,
        Mode.MASKS,
        {'model': 'none', 'engine': 'none', 'device': 'cpu', 'precision': 'fp32'},
        (part,),
        tuple(tally.rows),
        tally.bands,
        tally.calibration if confidence else None,
    )


def with_failure(result: Evaluation) -> Evaluation:
    """The same, had one more frame been offered, that failed."""
    (part,) = result.parts
    counts = dataclasses.replace(
        part.ledger, offered=part.ledger.offered + 1, failed=1, failed_by_kind={'jpeg': 1}
    )
    broken = dataclasses.replace(part, ledger=counts, failures={'last': 'it is torn'})
    return dataclasses.replace(result, parts=(broken,))


def accuracy(evaluation: Evaluation) -> dict[str, MetricValue]:
    """All metrics but those of times, which are other ones in every run."""
    return {name: one for name, one in evaluation.metrics.items() if not one.metric.is_time}


def accuracy_in(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a file's content."""
    return {name: one for name, one in content['metrics'].items() if one['unit'] == 'share'}
