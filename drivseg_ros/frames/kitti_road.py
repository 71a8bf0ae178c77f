# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""KITTI road: where the road is, and where the ego lane is.

The labels are colours: magenta is road (or ego lane), red is evaluated and not road, and where red
is 0 nothing is evaluated. Source: Fritsch et al. 2013 and the benchmark's development kit, which
takes red for 'valid' and blue for 'road'.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from drivseg_ros.errors import DataError
from drivseg_ros.frames.labels import Color, Labels
from drivseg_ros.frames.paired_files import (
    PairedFiles,
    images_in,
    pair_files,
    unused_labels,
)
from drivseg_ros.model.card import UNLABELLED, ModelClass, Role

KITTI_ROAD_CLASSES = (
    ModelClass(0, 'not_road', (255, 0, 0)),
    ModelClass(1, 'road', (255, 0, 255), Role.DRIVABLE),
)
KITTI_LANE_CLASSES = (
    ModelClass(0, 'not_ego_lane', (255, 0, 0)),
    ModelClass(1, 'ego_lane', (255, 0, 255), Role.DIRECT),
)

CATEGORIES = ('um', 'umm', 'uu')
"""Urban marked, urban multiple marked lanes, urban unmarked."""

_NEIGHBOURS = 10

_COLORS: Mapping[Color, int] = {
    (255, 0, 255): 1,
    (255, 0, 0): 0,
    (0, 0, 0): UNLABELLED,
    (0, 0, 255): UNLABELLED,
}


ROAD = Labels('kitti_road', KITTI_ROAD_CLASSES, {}, _COLORS)
LANE = Labels('kitti_lane', KITTI_LANE_CLASSES, {}, _COLORS)


def open_road(root: Path) -> PairedFiles:
    """The labelled frames of all categories, with road.

    Args:
        root: The folder with training/image_2 and training/gt_image_2.

    Raises:
        DataError: If a folder or a label is missing.
    """
    return _open(root, ROAD, 'road', CATEGORIES)


def open_lane(root: Path) -> PairedFiles:
    """The labelled frames with an ego lane: those of the category um.

    Args:
        root: The folder with training/image_2 and training/gt_image_2.

    Raises:
        DataError: If a folder or a label is missing.
    """
    return _open(root, LANE, 'lane', ('um',))


def block_of(name: str) -> str:
    """The group of a frame: ten neighbours by number.

    The benchmark does not say which drive a frame is from, but numbers its frames drive by drive;
    whole blocks keep most of a drive's frames together.
    """
    category, _, number = name.partition('_')
    return f'{category}_{int(number) // _NEIGHBOURS}' if number.isdigit() else name


def _open(root: Path, labels: Labels, truth: str, categories: tuple[str, ...]) -> PairedFiles:
    folder = root / 'training'
    images = [
        image
        for image in images_in(folder / 'image_2', what='KITTI road')
        if image.stem.partition('_')[0] in categories
    ]
    if not images:
        raise DataError(
            f'KITTI road: {folder / "image_2"} has no image named {" or ".join(categories)}_NUMBER'
        )
    pairs = pair_files(
        images,
        label_of=lambda image: folder / 'gt_image_2' / _label_name(image.stem, truth),
        group_of=block_of,
    )
    return PairedFiles(labels.name, labels, pairs, unused_labels(pairs, f'*_{truth}_*.png'))


def _label_name(stem: str, truth: str) -> str:
    category, _, number = stem.partition('_')
    return f'{category}_{truth}_{number}.png'
