# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""BDD100K's drivable area in the layouts in which its authors gave it out.

The classes are those of the authors (label type A): direct 0, alternative 1, background 2. The
first release counted differently (0 background, 1 direct, 2 alternative); its folder
`drivable_maps` is read by that order, so that the two cannot be taken for each other.
Source: Yu et al. 2020, and the format page of the authors' tool kit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.labels import Labels, own_colors, plain_labels
from drivseg_ros.frames.paired_files import (
    FramePair,
    PairedFiles,
    images_in,
    pair_files,
    unused_labels,
)
from drivseg_ros.frames.split import Part
from drivseg_ros.model.card import BDD100K_CLASSES

FOLDERS = {Part.TRAINING: 'train', Part.VALIDATION: 'val'}
"""The parts that have labels; those of the test part were never given out."""


FIRST_RELEASE = Labels(
    'BDD100K, first release', BDD100K_CLASSES, {0: 2, 1: 0, 2: 1}, own_colors(BDD100K_CLASSES)
)
"""The ids in the order of `drivable_maps`."""


@dataclass(frozen=True)
class _Form:
    """One of the forms in which the labels come."""

    folder: str
    suffix: str
    labels: Labels


_FORMS = {
    'masks': _Form('labels/drivable/masks', '.png', plain_labels('BDD100K', BDD100K_CLASSES)),
    'colormaps': _Form(
        'labels/drivable/colormaps',
        '.png',
        Labels(
            'BDD100K',
            BDD100K_CLASSES,
            {},
            {(219, 94, 86): 0, (86, 211, 219): 1, (0, 0, 0): 2},
        ),
    ),
    'drivable_maps': _Form(
        'drivable_maps/labels',
        '_drivable_id.png',
        FIRST_RELEASE,
    ),
}


def open_bdd100k(root: Path, parts: tuple[Part, ...], *, labels: str = 'auto') -> PairedFiles:
    """BDD100K's frames with drivable-area labels.

    Args:
        root: The folder with images/100k/ and labels/drivable/.
        parts: Training, validation.
        labels: masks, colormaps, drivable_maps (the first release), or auto: the first of these
            that is there.

    Raises:
        DataError: If a folder or a label is missing.
        ParameterError: If there are no such labels.
    """
    form = _find_form(root, labels)
    pairs: list[FramePair] = []
    for part in parts:
        images = images_in(root / 'images' / '100k' / FOLDERS[part], what='BDD100K')
        folder = root / form.folder / FOLDERS[part]
        pairs += pair_files(
            images,
            label_of=lambda image, folder=folder: folder / f'{image.stem}{form.suffix}',  # type: ignore[misc]
            group_of=lambda name: name.split('-', 1)[0],
        )
    found = ', '.join(part.value for part in parts)
    return PairedFiles(
        f'bdd100k ({found})',
        form.labels,
        tuple(pairs),
        unused_labels(pairs, f'*{form.suffix}'),
    )


def _find_form(root: Path, labels: str) -> _Form:
    if labels != 'auto':
        if labels not in _FORMS:
            raise ParameterError(
                f'BDD100K has no labels {labels!r}; allowed are auto, {", ".join(_FORMS)}'
            )
        return _FORMS[labels]
    for form in _FORMS.values():
        if (root / form.folder).is_dir():
            return form
    raise DataError(
        f'BDD100K: {root} has none of {", ".join(f.folder for f in _FORMS.values())}; give the '
        'folder that holds labels/ and images/'
    )
