# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plain folders of images and labels, and the names under which classes are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.camvid import CAMVID11_CLASSES, CAMVID_CLASSES
from drivseg_ros.frames.cityscapes import CITYSCAPES_CATEGORIES, CITYSCAPES_CLASSES
from drivseg_ros.frames.classes import CLASSES_FILE, parse_classes, read_classes
from drivseg_ros.frames.kitti_road import KITTI_LANE_CLASSES, KITTI_ROAD_CLASSES
from drivseg_ros.frames.known_labels import read_labels
from drivseg_ros.frames.labels import Labels, plain_labels
from drivseg_ros.frames.paired_files import (
    FramePair,
    PairedFiles,
    images_in,
    pair_files,
    unused_labels,
)
from drivseg_ros.frames.split import Part
from drivseg_ros.images.files import MASK_ENDING
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
"""The folders of parts, where there are any: images/train and labels/train, or train/images and
train/labels."""


def classes_named(given: Any) -> tuple[ModelClass, ...]:
    """Classes from an option of a recipe or the command line.

    Args:
        given: A name of CLASS_LISTS, or a list as `parse_classes` takes it.

    Raises:
        ParameterError: If there is no such list, or a class is not valid.
    """
    if not isinstance(given, str):
        return parse_classes(given)
    if given not in CLASS_LISTS:
        raise ParameterError(
            f'there are no classes {given!r}; known are {", ".join(CLASS_LISTS)}, or give a '
            'list of names in the order of their ids'
        )
    return CLASS_LISTS[given]


def known_class(number: int, name: str) -> ModelClass:
    """A class by its name: as the lists have it, if they agree on its role, else grey and none."""
    same = [c for classes in CLASS_LISTS.values() for c in classes if c.name == name]
    if len({c.role for c in same}) == 1:
        return ModelClass(number, name, same[0].color, same[0].role)
    grey = 40 + number * 37 % 200
    return ModelClass(number, name, (grey, grey, grey), Role.NONE)


def has_parts(root: Path, images: str = 'images', labels: str = 'labels') -> tuple[Part, ...]:
    """The parts that have folders of images and of labels; none where images are side by side.

    Where no part has labels it is those with images, for the error's sake.
    """
    with_images = [part for part in FOLDERS if _inside(root, images, part).is_dir()]
    labelled = [part for part in with_images if _inside(root, labels, part).is_dir()]
    return tuple(labelled or with_images)


def open_folder(
    root: Path,
    parts: tuple[Part, ...],
    *,
    classes: Any = None,
    images: str = 'images',
    labels: str = 'labels',
    image_suffix: str = '',
    label_suffix: str = '',
    unlabelled: Sequence[int] = (),
    group: str = '',
) -> PairedFiles:
    """Images and labels (PNG: a class id a pixel, 255 unlabelled, or the classes' colours).

    Args:
        root: The folder that holds the two others.
        parts: The parts to read from the folders train, val, test; empty where the images are in
            `images` itself.
        classes: See `classes_named`, or a label map (a .yaml file, or Labels); None: as the root's
            classes.yaml says.
        images: Name of the images' folder.
        labels: Name of the labels' folder.
        image_suffix: What an image's name has at its end, before the extension, that its label
            lacks.
        label_suffix: The same of a label's name.
        unlabelled: Further numbers in the labels that mean unlabelled.
        group: A regular expression that finds a frame's drive in its name (what its groups match,
            joined, or all it matches); without one, every frame is a drive of its own.

    Raises:
        DataError: If a folder or a label is missing.
        ParameterError: If an option is not valid.
    """
    if classes is None and not (root / CLASSES_FILE).is_file():
        raise ParameterError(
            f'a plain folder without {CLASSES_FILE} does not say its classes: give its option '
            f'classes (folder=FOLDER,classes=NAME, or --option classes=NAME), one of '
            f'{", ".join(CLASS_LISTS)} or a list of names in the order of their ids'
        )
    if isinstance(unlabelled, (str, int)) or any(type(n) is not int for n in unlabelled):
        raise ParameterError(f'unlabelled is {unlabelled!r}; give a list of numbers')
    beside = next(root.glob(f'*/*{MASK_ENDING}.png'), None)
    if beside is not None and not any(_inside(root, images, p).is_dir() for p in parts or (None,)):
        raise DataError(
            f"folder: '{root}' has no folder {images}, but masks beside images such as "
            f"'{beside.relative_to(root)}'; take the kind roboflow, or give images and labels the "
            f'name of that folder (docs/datasets.md, folder)'
        )
    pairs: list[FramePair] = []
    for part in parts or (None,):
        truth = _inside(root, labels, part)
        files = images_in(_inside(root, images, part), what='folder', suffix=image_suffix)
        if label_suffix and truth == _inside(root, images, part):  # masks beside the images
            files = [file for file in files if not file.stem.endswith(label_suffix)]
        pairs += pair_files(
            files,
            label_of=lambda image, truth=truth: (  # type: ignore[misc]
                truth / f'{image.stem.removesuffix(image_suffix)}{label_suffix}.png'
            ),
            name_of=lambda image: image.stem.removesuffix(image_suffix),
            group_of=_grouping(group),
        )
    found = ', '.join([root.name, *(part.value for part in parts)])
    if isinstance(classes, str) and classes.endswith(('.yaml', '.yml')):
        meaning = read_labels(classes)
    elif isinstance(classes, Labels):
        meaning = classes
    else:
        known = read_classes(root / CLASSES_FILE) if classes is None else classes_named(classes)
        meaning = plain_labels(root.name, known, unlabelled=unlabelled)
    unused = unused_labels(pairs, f'*{label_suffix}.png')
    return PairedFiles(f'folder ({found})', meaning, tuple(pairs), unused)


def _inside(root: Path, folder: str, part: Part | None) -> Path:
    """The folder of a part's images or labels."""
    if part is None:
        return root / folder
    beside = root / FOLDERS[part] / folder
    return beside if beside.is_dir() else root / folder / FOLDERS[part]


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
        drive = '' if found is None else ''.join(g or '' for g in found.groups() or found.group(0))
        if not drive:
            raise ParameterError(f'group {pattern!r} finds nothing in the frame name {name!r}')
        return drive

    return group_of
