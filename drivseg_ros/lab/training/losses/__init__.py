# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Losses of segmentation: by name from a recipe, on targets that may know only a part."""

from drivseg_ros.lab.training.losses.base import SegmentationLoss
from drivseg_ros.lab.training.losses.class_weights import balanced_weights, class_shares
from drivseg_ros.lab.training.losses.distillation import DistillationLoss
from drivseg_ros.lab.training.losses.heads import DeepSupervision
from drivseg_ros.lab.training.losses.registry import (
    LOSSES,
    WeightedSum,
    create_loss,
    needs_class_shares,
)

__all__ = [
    'LOSSES',
    'DeepSupervision',
    'DistillationLoss',
    'SegmentationLoss',
    'WeightedSum',
    'balanced_weights',
    'class_shares',
    'create_loss',
    'needs_class_shares',
]
