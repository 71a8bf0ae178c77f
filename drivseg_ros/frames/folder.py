# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plain folders of images and labels, and the names under which classes are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from drivseg_ros.errors import ModelError, ParameterError
from drivseg_ros.frames.camvid import CAMVID11_CLASSES, CAMVID_CLASSES
from drivseg_ros.frames.cityscapes import CITYSCAPES_CATEGORIES, CITYSCAPES_CLASSES
from drivseg_ros.frames.classes_file import CLASSES_FILE, read_classes_file
from drivseg_ros.frames.kitti_road import KITTI_LANE_CLASSES, KITTI_ROAD_CLASSES
from drivseg_ros.frames.label_codes import plain_ids
from drivseg_ros.frames.paired_files import (
    FramePair,
    PairedFiles,
    images_in,
    pair_files,
    unused_labels,
)
from drivseg_ros.frames.split import Part
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass, Role

CLASS_LISTS: Mapping[str, tuple[ModelClass, ...]] = {
    'bdd100k': BDD100K_CLASSES,
    'cityscapes': CITYSCAPES_CLASSES,
    'cityscapes_categories': CITYSCAPES_CATEGORIES,
    'kitti_road': KITTI_ROAD_CLASSES,
    'kitti_lane': KITTI_LANE_CLASSES,
    'camvid': CAMVID_CLASSES,
    'camvid11': CAMVID11_CLASSES,
}
"""Classes that are known by a name."""

FOLDERS = {Part.TRAINING: 'train', Part.VALIDATION: 'val', Part.TEST: 'test'}
"""The folders of parts below images/ and labels/, where there are any."""

ClassesOption = str | Sequence[str | Mapping[str, Any]]


def classes_named(given: ClassesOption) -> tuple[ModelClass, ...]:
    """Classes from an option of a recipe or the command line.

    Args:
        given: A name of CLASS_LISTS, or the classes in the order of their ids, each a name or
            {name, color, role}. A class without a colour gets a grey level.

    Raises:
        ParameterError: If there is no such list, or a class is not valid.
    """
    if isinstance(given, str):
        if given not in CLASS_LISTS:
            raise ParameterError(
                f'there are no classes {given!r}; known are {", ".join(CLASS_LISTS)}, or give a '
                'list of names in the order of their ids'
            )
        return CLASS_LISTS[given]
    if not isinstance(given, Sequence) or not all(isinstance(e, (str, Mapping)) for e in given):
        raise ParameterError(
            f'classes are {given!r}; give a list of names or {{name, color, role}}'
        )
    classes = []
    for i, entry in enumerate(given):
        fields: dict[str, Any] = {'name': entry} if isinstance(entry, str) else dict(entry)
        unknown = sorted(set(fields) - {'name', 'color', 'role'})
        if unknown or 'name' not in fields:
            raise ParameterError(
                f'class {i} is given as {entry!r}; give a name, or {{name, color, role}}'
            )
        grey = 255 * (i + 1) // len(given)
        color = fields.get('color', (grey, grey, grey))
        if not isinstance(color, Sequence):
            raise ParameterError(
                f'class {i} has the color {color!r}; give [red, green, blue], each from 0 to 255'
            )
        try:
            role = fields.get('role', Role.NONE)
            classes.append(ModelClass(i, fields['name'], tuple(color), role))
        except ModelError as error:
            raise ParameterError(f'class {i} is not valid: {error}') from None
    names = [c.name for c in classes]
    if not names or len(set(names)) != len(names):
        raise ParameterError(f'the classes {names} must be at least one, each with its own name')
    return tuple(classes)


def has_parts(root: Path, images: str = 'images', labels: str = 'labels') -> tuple[Part, ...]:
    """The parts that have folders of images and of labels; none where images lie side by side.

    Where no part has labels it is those with images, for the error's sake.
    """
    with_images = [part for part, name in FOLDERS.items() if (root / images / name).is_dir()]
    labelled = [part for part in with_images if (root / labels / FOLDERS[part]).is_dir()]
    return tuple(labelled or with_images)


def open_folder(
    root: Path,
    parts: tuple[Part, ...],
    *,
    classes: ClassesOption | None = None,
    images: str = 'images',
    labels: str = 'labels',
    image_suffix: str = '',
    label_suffix: str = '',
    unlabelled: Sequence[int] = (),
    group: str = '',
) -> PairedFiles:
    """Images and labels (PNG, one class id a pixel, 255 unlabelled) with the same names.

    Args:
        root: The folder in which the two others lie.
        parts: The parts to read from the folders train, val, test in them; empty where the
            images lie in `images` itself.
        classes: See `classes_named`; None: as the root's classes.yaml says.
        images: Name of the images' folder.
        labels: Name of the labels' folder.
        image_suffix: What an image's name has at its end, before the extension, that its label
            lacks.
        label_suffix: The same of a label's name.
        unlabelled: Further numbers in the labels that mean unlabelled.
        group: A regular expression that finds a frame's drive in its name (its first group, or
            all it matches); without one, every frame is a drive of its own.

    Raises:
        DataError: If a folder or a label is missing.
        ParameterError: If an option is not valid.
    """
    if classes is None:
        if not (root / CLASSES_FILE).is_file():
            raise ParameterError(
                f'a plain folder without {CLASSES_FILE} does not say its classes: give classes, '
                f'one of {", ".join(CLASS_LISTS)} or a list of names in the order of their ids'
            )
        classes = read_classes_file(root / CLASSES_FILE)
    known = classes_named(classes)
    if isinstance(unlabelled, (str, int)) or any(type(n) is not int for n in unlabelled):
        raise ParameterError(f'unlabelled is {unlabelled!r}; give a list of numbers')
    pairs: list[FramePair] = []
    for sub in [FOLDERS[part] for part in parts] or ['']:
        truth = root / labels / sub
        pairs += pair_files(
            images_in(root / images / sub, what='folder', suffix=image_suffix),
            label_of=lambda image, truth=truth: (  # type: ignore[misc]
                truth / f'{image.stem.removesuffix(image_suffix)}{label_suffix}.png'
            ),
            name_of=lambda image: image.stem.removesuffix(image_suffix),
            group_of=_grouping(group),
        )
    found = ', '.join([root.name, *(part.value for part in parts)])
    return PairedFiles(
        f'folder ({found})',
        known,
        tuple(pairs),
        plain_ids(known, unlabelled=tuple(unlabelled)),
        unused_labels(pairs, f'*{label_suffix}.png'),
    )


def _grouping(pattern: str) -> Callable[[str], str]:
    """The drive of a frame by a regular expression on its name."""
    if not pattern:
        return lambda name: name
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ParameterError(f'group {pattern!r} is no regular expression: {error}') from None

    def group_of(name: str) -> str:
        found = expression.search(name)
        drive = None if found is None else found.group(1 if expression.groups else 0)
        if drive is None:
            raise ParameterError(f'group {pattern!r} finds nothing in the frame name {name!r}')
        return drive

    return group_of
