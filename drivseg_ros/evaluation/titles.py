# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What figures are called where people read them."""

from __future__ import annotations

from drivseg_ros.evaluation.sums import (
    BOUNDARY_IOU,
    CHANGE,
    ECE,
    FLICKER,
    MIOU,
    PIXEL_ACCURACY,
)
from drivseg_ros.evaluation.truth import Figure

MAIN_TITLES = {
    MIOU: 'mIoU',
    PIXEL_ACCURACY: 'pixel accuracy',
    BOUNDARY_IOU: 'boundary IoU',
    ECE: 'calibration error',
    FLICKER: 'flicker',
    CHANGE: 'change between frames',
}
ROLE_TITLES = {Figure.DRIVABLE: 'drivable', Figure.ROAD: 'road', Figure.EGO_LANE: 'ego lane'}

SLICE_FIGURES = (MIOU, *(f'{role.value}_iou' for role in Figure), PIXEL_ACCURACY)
"""Figures that tables by slice or by bag have columns for."""


def figure_title(name: str) -> str:
    """Of a figure by its name; the name itself where there is no better one."""
    if name in MAIN_TITLES:
        return MAIN_TITLES[name]
    for role, title in ROLE_TITLES.items():
        if name == f'{role.value}_iou':
            return f'{title} IoU'
    return name
