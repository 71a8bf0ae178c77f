# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures on a model's card, measured through `Segmenter` as a user meets the model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from drivseg_ros.evaluation.confusion_matrix import ConfusionMatrix
from drivseg_ros.model_card import UNLABELLED, ModelCard
from drivseg_ros.segmenter import Segmenter
from drivseg_ros.training.cache import Frame
from drivseg_ros.training.targets import ANY_DRIVABLE


def lane_figures(segmenter: Segmenter, frames: Iterable[Frame]) -> dict[str, Any]:
    """IoU by class, mIoU and drivable IoU over frames labelled with the model's own classes.

    One confusion matrix over all frames, at the labels' sizes.
    """
    card = segmenter.card
    matrix = ConfusionMatrix(card.num_classes)
    count = 0
    for _, image, target in frames:
        matrix.update(label=target, prediction=segmenter.segment([image])[0].class_ids)
        count += 1
    return {
        'frames': count,
        'drivable_iou': round(matrix.iou_of(card.drivable_ids), 4),
        'miou': round(matrix.miou, 4),
        'iou': {
            name: round(float(iou), 4)
            for name, iou in zip(card.class_names, matrix.iou_by_class, strict=True)
        },
    }


def road_figures(segmenter: Segmenter, frames: Iterable[Frame]) -> dict[str, Any]:
    """IoU of what the model calls drivable with what the labels call road: ANY_DRIVABLE.

    Two different truths (DESIGN.md, contract 2), so it never stands beside a drivable IoU.
    """
    matrix = ConfusionMatrix(2)
    count = 0
    for _, image, target in frames:
        label = np.where(target == UNLABELLED, UNLABELLED, target == ANY_DRIVABLE).astype(np.uint8)
        prediction = is_drivable(segmenter.segment([image])[0].class_ids, segmenter.card)
        matrix.update(label=label, prediction=prediction)
        count += 1
    return {'frames': count, 'road_iou': round(matrix.iou_of([1]), 4)}


def is_drivable(class_ids: np.ndarray, card: ModelCard) -> np.ndarray:
    """1 where a class is drivable, else 0, uint8 of the same shape."""
    return np.isin(class_ids, card.drivable_ids).astype(np.uint8)
