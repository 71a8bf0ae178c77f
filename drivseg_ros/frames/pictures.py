# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A folder of pictures, one picture or a video as a data set, with labels if there are any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.classes import CLASSES_FILE, read_classes
from drivseg_ros.frames.known_labels import KNOWN_LABELS, read_labels
from drivseg_ros.frames.label_images import open_label
from drivseg_ros.frames.labels import Labels, plain_labels, ranges
from drivseg_ros.frames.matching import class_titles
from drivseg_ros.frames.paired_files import (
    PairedFiles,
    folders_in,
    pair_files,
    require_labels,
    unused_labels,
)
from drivseg_ros.frames.unlabelled import open_unlabelled
from drivseg_ros.images.files import find_images, is_picture
from drivseg_ros.model.card import ModelClass

_LABELS = 'labels'
_LOOKED_AT = 20  # first labels, for the error's sake


def open_pictures(
    path: Path, *, labels: str | None = None, network: Sequence[ModelClass] = ()
) -> Dataset:
    """A folder of pictures (or of a folder images/ or data/ with them), a picture, or a video.

    Args:
        path: where it is. If it has a folder labels/ beside its folder images/, these are its
            labels.
        labels: the option --labels: the folder with a PNG for each picture, by its path or by its
            name in or beside `path`, whose classes.yaml says what the values mean; or what the
            values in labels/ mean, as `read_labels` takes it. None: as the classes.yaml says.
        network: the network's classes, to be named where nothing says what labels mean.

    Raises:
        DataError: if there are no pictures, a label is missing, or nothing says what labels mean.
        ParameterError: if `labels` is neither a folder nor a meaning.
    """
    if labels is None and not ((path / _LABELS).is_dir() and (path / 'images').is_dir()):
        return open_unlabelled(path)
    folder, meaning = find_labels(path, labels)
    images = find_images(path)
    if meaning is None:
        known = f'; the network has the classes {class_titles(network)}' if network else ''
        raise DataError(
            f"nothing says what the values {_values(folder)} in the labels of '{folder}' "
            f'mean{known}: put a {CLASSES_FILE} beside them, or say it with --labels: '
            f'{", ".join(KNOWN_LABELS)}, a .yaml file, or a model whose class ids they are (to '
            f"leave them out, give '{images[0].parent}')"
        )
    pairs = pair_files(images, label_of=lambda image: folder / f'{image.stem}.png')
    require_labels(pairs)
    return PairedFiles(path.resolve().name, meaning, pairs, unused_labels(pairs))


def find_labels(path: Path, labels: str | None) -> tuple[Path, Labels | None]:
    """The folder of the labels of pictures, and what they mean if that is known.

    Args:
        path: the folder of the pictures.
        labels: the option --labels, as for `open_pictures`.

    Raises:
        DataError: if there is none.
        ParameterError: if `labels` is neither a folder nor a meaning.
    """
    folder = None if labels is None else label_folder(path, labels)
    if folder is not None:
        return folder, _classes_beside(folder)
    try:
        meaning = None if labels is None else read_labels(labels)
    except ParameterError as error:
        raise ParameterError(
            f"there is no folder '{labels}' in '{path}' or elsewhere ({_folders(path)}), and "
            f'{error}'
        ) from None
    folder = path / _LABELS
    if not folder.is_dir():
        raise DataError(
            f"'{path}' has no labels, and --labels {labels} says what they mean; give the folder "
            f'of the labels ({_folders(path)}), or leave --labels out'
        )
    return folder, meaning or _classes_beside(folder)


def label_folder(path: Path, text: str) -> Path | None:
    """The folder of labels that --labels names; None if it says what they mean instead.

    Args:
        path: the folder of the pictures.
        text: the option.
    """
    if text in KNOWN_LABELS:
        return None
    places = (path / text, path.parent / text, Path(text)) if path.is_dir() else ()
    return next((place for place in places if place.is_dir()), None)


def _classes_beside(folder: Path) -> Labels | None:
    """What a classes.yaml in a folder of labels, or beside it, says of them.

    Raises:
        DataError: if it is damaged.
    """
    for place in (folder, folder.resolve().parent):
        if (place / CLASSES_FILE).is_file():
            return plain_labels(f'{place.name}/{CLASSES_FILE}', read_classes(place / CLASSES_FILE))
    return None


def _values(folder: Path) -> str:
    """The values in the first labels of a folder."""
    return ranges(label_values(sorted(filter(is_picture, folder.glob('*.png'))))) or 'or colours'


def label_values(labels: Sequence[Path]) -> set[int]:
    """The values in the first of some labels; none of those in colours.

    Raises:
        DataError: if one of them cannot be read.
    """
    seen: set[int] = set()
    for path in labels[:_LOOKED_AT]:
        image = open_label(path)
        if image.has_numbers:
            seen |= set(np.unique(image.numbers()).tolist())
    return seen


def _folders(path: Path) -> str:
    there = [
        f.name
        for place in (path, path.resolve().parent)
        for f in folders_in(place)
        if any(map(is_picture, f.iterdir()))
    ]
    return f'in and beside it are {", ".join(sorted(there))}' if there else 'there is none here'
