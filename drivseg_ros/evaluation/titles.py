# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What evaluations and figures are called where people read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drivseg_ros.evaluation.sums import (
    BOUNDARY_IOU,
    CHANGE,
    ECE,
    FLICKER,
    MIOU,
    PIXEL_ACCURACY,
)
from drivseg_ros.frames.matching import Area

MAIN_TITLES = {
    MIOU: 'mIoU',
    PIXEL_ACCURACY: 'pixel accuracy',
    BOUNDARY_IOU: 'boundary IoU',
    ECE: 'calibration error',
    FLICKER: 'flicker',
    CHANGE: 'change between frames',
}
ROLE_TITLES = {Area.DRIVABLE: 'drivable', Area.ROAD: 'road', Area.EGO_LANE: 'ego lane'}

_KINDS = {
    'iou': 'IoU',
    'precision': 'precision',
    'recall': 'recall',
    BOUNDARY_IOU: 'boundary IoU',
}

SLICE_FIGURES = (MIOU, *(f'{role.value}_iou' for role in Area), PIXEL_ACCURACY)
"""Figures that tables by slice or by bag have columns for."""


def figure_title(name: str) -> str:
    """Of a figure by its name; the name itself where there is no better one."""
    if name in MAIN_TITLES:
        return MAIN_TITLES[name]
    for kind, words in _KINDS.items():
        if name.startswith(f'{kind}/'):
            return f'{words} of {name.removeprefix(f"{kind}/")}'
        for role, title in ROLE_TITLES.items():
            if name == f'{role.value}_{kind}':
                return f'{title} {words}'
    return name


def evaluation_title(content: Mapping[str, Any]) -> tuple[str, str]:
    """What was judged, and on what.

    Args:
        content: what `evaluation_file.describe` gave.
    """
    network, parts = content['network'], content['parts']
    made = f'Masks on {network["masks"]}' if 'masks' in network else network_title(network)
    if content.get('live'):
        made += ' (live)'
    return made, part_title(parts[0]) if len(parts) == 1 else f'{len(parts)} folders and bags'


def network_title(network: Mapping[str, Any]) -> str:
    """What a network is called; a file of another name is told, as two may have one card."""
    name, file = str(network['model']), Path(str(network.get('file', '')))
    return name if file.stem in ('', name) else f'{name} ({file.name})'


def masks_title(network: Mapping[str, Any]) -> str:
    """What made the masks: a network and the engine that ran it, or whoever published them."""
    if 'masks' in network:
        return f'masks on {network["masks"]}'
    keys = ('device', 'precision')
    runtime = ', '.join(str(network[key]) for key in keys if key in network)
    engine = f' on {network["engine"]} ({runtime})' if 'engine' in network else ''
    return network_title(network) + engine


def part_title(part: Mapping[str, Any]) -> str:
    """What a folder or bag is called."""
    return str(part.get('title') or part['source']['given'])
