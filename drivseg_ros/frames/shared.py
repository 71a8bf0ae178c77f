# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The folders in which the authors of this project keep their frames, as kinds of their own.

The frames are other people's and are not part of the project (docs/datasets.md says what lies
where); the recipe of the default network and its tests name these kinds.
"""

from __future__ import annotations

from pathlib import Path

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.camvid import CAMVID11_CLASSES, sequence_of
from drivseg_ros.frames.kitti_road import KITTI_ROAD_CLASSES, block_of
from drivseg_ros.frames.label_codes import plain_ids
from drivseg_ros.frames.paired_files import (
    FramePair,
    PairedFiles,
    images_in,
    pair_files,
    unused_labels,
)
from drivseg_ros.frames.split import Part, part_of, ride_of
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass, Role

DRIVABLE_CLASSES = (
    ModelClass(0, 'not_drivable', (0, 0, 0)),
    ModelClass(1, 'drivable', (46, 204, 113), Role.DRIVABLE),
)
"""BDD100K's polygons, direct and alternative together."""

BDD100K_PARTS = (Part.TRAINING, Part.VALIDATION, Part.HELD_OUT)
CAMVID_FOLDERS = {Part.TRAINING: 'train', Part.VALIDATION: 'val'}

_LANE_LABELS = 'labels_by_lane'


def open_shared_bdd100k(
    root: Path, parts: tuple[Part, ...], *, labels: str = _LANE_LABELS
) -> PairedFiles:
    """BDD100K frames with people's polygons, by lane or as drivable; parts by ride (`part_of`).

    Args:
        root: The folder with images/, labels_by_lane/ and labels/.
        parts: Training, validation, held out.
        labels: labels_by_lane, or labels.

    Raises:
        DataError: If a folder or a label is missing.
        ParameterError: If there are no such labels.
    """
    classes = {_LANE_LABELS: BDD100K_CLASSES, 'labels': DRIVABLE_CLASSES}
    if labels not in classes:
        raise ParameterError(f'there are no labels {labels!r}; allowed are {", ".join(classes)}')
    pairs = pair_files(
        images_in(root / 'images', what='shared_bdd100k'),
        label_of=lambda image: root / labels / f'{image.stem}.png',
        group_of=ride_of,
    )
    wanted = tuple(pair for pair in pairs if part_of(pair.name) in parts)
    found = ', '.join(part.value for part in parts)
    code = plain_ids(classes[labels])
    unused = unused_labels(pairs)
    return PairedFiles(f'shared_bdd100k ({found})', classes[labels], wanted, code, unused)


def open_shared_kitti(root: Path) -> PairedFiles:
    """KITTI road's frames with one class id a pixel (0 not road, 1 road, 255 not evaluated)."""
    pairs = pair_files(
        images_in(root / 'images', what='shared_kitti'),
        label_of=lambda image: root / 'labels' / f'{image.stem}.png',
        group_of=block_of,
    )
    code = plain_ids(KITTI_ROAD_CLASSES)
    return PairedFiles('shared_kitti', KITTI_ROAD_CLASSES, pairs, code, unused_labels(pairs))


def open_shared_camvid(root: Path, parts: tuple[Part, ...]) -> PairedFiles:
    """CamVid's frames in SegNet's 11 classes, 255 unlabelled, in train/ and val/."""
    pairs: list[FramePair] = []
    for part in parts:
        folder = root / CAMVID_FOLDERS[part]
        pairs += pair_files(
            images_in(folder / 'images', what='shared_camvid'),
            label_of=lambda image, folder=folder: folder / 'labels' / f'{image.stem}.png',  # type: ignore[misc]
            group_of=sequence_of,
        )
    found = ', '.join(part.value for part in parts)
    return PairedFiles(
        f'shared_camvid ({found})',
        CAMVID11_CLASSES,
        tuple(pairs),
        plain_ids(CAMVID11_CLASSES),
        unused_labels(pairs),
    )


def open_shared_frames(root: Path) -> PairedFiles:
    """Single frames of many drives, labelled by two networks; 255 where they disagree."""
    pairs = pair_files(
        images_in(root / 'images', what='shared_frames'),
        label_of=lambda image: root / _LANE_LABELS / f'{image.stem}.png',
    )
    code = plain_ids(BDD100K_CLASSES)
    return PairedFiles('shared_frames', BDD100K_CLASSES, pairs, code, unused_labels(pairs))
