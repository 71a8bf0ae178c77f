# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cityscapes: 19 classes, or the 8 categories they belong to.

Source: Cordts et al. 2016 and the label table of the authors' scripts. Ids that the authors leave
out of the evaluation are unlabelled in the 19 classes; in the categories they are what they belong
to (parking is flat, a trailer is a vehicle), and void is a category like the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.labels import Labels, own_colors, plain_labels
from drivseg_ros.frames.paired_files import (
    FramePair,
    PairedFiles,
    folders_in,
    images_in,
    pair_files,
    unused_labels,
)
from drivseg_ros.frames.split import Part
from drivseg_ros.model.card import UNLABELLED, ModelClass, Role

FOLDERS = {Part.TRAINING: 'train', Part.VALIDATION: 'val'}
"""The parts with labels; those of the test part are withheld (its files hold only void)."""


@dataclass(frozen=True)
class _Label:
    """A row of the authors' table; its id is its place."""

    name: str
    train_id: int
    category: int
    color: tuple[int, int, int]


_CATEGORIES = ('void', 'flat', 'construction', 'object', 'nature', 'sky', 'human', 'vehicle')
_LABELS = (
    _Label('unlabeled', 255, 0, (0, 0, 0)),
    _Label('ego vehicle', 255, 0, (0, 0, 0)),
    _Label('rectification border', 255, 0, (0, 0, 0)),
    _Label('out of roi', 255, 0, (0, 0, 0)),
    _Label('static', 255, 0, (0, 0, 0)),
    _Label('dynamic', 255, 0, (111, 74, 0)),
    _Label('ground', 255, 0, (81, 0, 81)),
    _Label('road', 0, 1, (128, 64, 128)),
    _Label('sidewalk', 1, 1, (244, 35, 232)),
    _Label('parking', 255, 1, (250, 170, 160)),
    _Label('rail track', 255, 1, (230, 150, 140)),
    _Label('building', 2, 2, (70, 70, 70)),
    _Label('wall', 3, 2, (102, 102, 156)),
    _Label('fence', 4, 2, (190, 153, 153)),
    _Label('guard rail', 255, 2, (180, 165, 180)),
    _Label('bridge', 255, 2, (150, 100, 100)),
    _Label('tunnel', 255, 2, (150, 120, 90)),
    _Label('pole', 5, 3, (153, 153, 153)),
    _Label('polegroup', 255, 3, (153, 153, 153)),
    _Label('traffic light', 6, 3, (250, 170, 30)),
    _Label('traffic sign', 7, 3, (220, 220, 0)),
    _Label('vegetation', 8, 4, (107, 142, 35)),
    _Label('terrain', 9, 4, (152, 251, 152)),
    _Label('sky', 10, 5, (70, 130, 180)),
    _Label('person', 11, 6, (220, 20, 60)),
    _Label('rider', 12, 6, (255, 0, 0)),
    _Label('car', 13, 7, (0, 0, 142)),
    _Label('truck', 14, 7, (0, 0, 70)),
    _Label('bus', 15, 7, (0, 60, 100)),
    _Label('caravan', 255, 7, (0, 0, 90)),
    _Label('trailer', 255, 7, (0, 0, 110)),
    _Label('train', 16, 7, (0, 80, 100)),
    _Label('motorcycle', 17, 7, (0, 0, 230)),
    _Label('bicycle', 18, 7, (119, 11, 32)),
)

CITYSCAPES_CLASSES = tuple(
    ModelClass(r.train_id, r.name, r.color, Role.DRIVABLE if r.name == 'road' else Role.NONE)
    for r in sorted(_LABELS, key=lambda r: r.train_id)
    if r.train_id != UNLABELLED
)
"""The 19 classes in the order of their train ids."""

CITYSCAPES_CATEGORIES = tuple(
    ModelClass(i, name, next(r.color for r in _LABELS if r.category == i))
    for i, name in enumerate(_CATEGORIES)
)
"""The 8 categories in the colours of their first labels; none is road, flat is sidewalk, too."""

CLASSES_BY_ID = Labels(
    'Cityscapes',
    CITYSCAPES_CLASSES,
    {i: row.train_id for i, row in enumerate(_LABELS) if row.train_id != UNLABELLED},
    own_colors(CITYSCAPES_CLASSES),
    unlabelled=tuple(i for i, row in enumerate(_LABELS) if row.train_id == UNLABELLED),
)
CATEGORIES_BY_ID = Labels(
    'Cityscapes, categories',
    CITYSCAPES_CATEGORIES,
    {i: row.category for i, row in enumerate(_LABELS)},
)
TRAIN_IDS = plain_labels('Cityscapes, train ids', CITYSCAPES_CLASSES)


def open_cityscapes(root: Path, parts: tuple[Part, ...], *, labels: str = 'auto') -> PairedFiles:
    """Cityscapes' frames with its 19 classes.

    Args:
        root: The folder with leftImg8bit/ and gtFine/.
        parts: Training, validation.
        labels: labelTrainIds, labelIds, or auto: labelIds, which every copy has, if they are
            there.

    Raises:
        DataError: If a folder or a label is missing.
        ParameterError: If there are no such labels.
    """
    forms = {'labelIds': CLASSES_BY_ID, 'labelTrainIds': TRAIN_IDS}
    if labels == 'auto':
        labels = 'labelIds' if _has(root, parts, 'labelIds') else 'labelTrainIds'
    if labels not in forms:
        raise ParameterError(
            f'Cityscapes has no labels {labels!r}; allowed are auto, {", ".join(forms)}'
        )
    return _open(root, parts, 'cityscapes', labels, forms[labels])


def open_categories(root: Path, parts: tuple[Part, ...]) -> PairedFiles:
    """Cityscapes' frames with its 8 categories, made from labelIds (train ids know too little).

    Args:
        root: The folder with leftImg8bit/ and gtFine/.
        parts: Training, validation.

    Raises:
        DataError: If a folder or a label is missing.
    """
    return _open(root, parts, 'cityscapes_categories', 'labelIds', CATEGORIES_BY_ID)


def _open(
    root: Path,
    parts: tuple[Part, ...],
    kind: str,
    form: str,
    labels: Labels,
) -> PairedFiles:
    pairs: list[FramePair] = []
    for part in parts:
        folder = root / 'leftImg8bit' / FOLDERS[part]
        cities = folders_in(folder)
        if not cities:
            raise DataError(
                f'Cityscapes: {folder} has no folders of cities; give the folder in which '
                'leftImg8bit/ and gtFine/ are'
            )
        for city in cities:
            truth = root / 'gtFine' / FOLDERS[part] / city.name
            pairs += pair_files(
                images_in(city, what='Cityscapes', suffix='_leftImg8bit'),
                label_of=lambda image, truth=truth: truth / f'{_frame(image)}_gtFine_{form}.png',  # type: ignore[misc]
                name_of=_frame,
                group_of=lambda name: name.split('_', 1)[0],
            )
    found = ', '.join(part.value for part in parts)
    unused = unused_labels(pairs, f'*_gtFine_{form}.png')
    return PairedFiles(f'{kind} ({found})', labels, tuple(pairs), unused)


def _frame(image: Path) -> str:
    return image.stem.removesuffix('_leftImg8bit')


def _has(root: Path, parts: tuple[Part, ...], labels: str) -> bool:
    folders = [root / 'gtFine' / FOLDERS[part] for part in parts]
    return all(next(f.glob(f'*/*_gtFine_{labels}.png'), None) is not None for f in folders)
