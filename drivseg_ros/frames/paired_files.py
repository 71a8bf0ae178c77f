# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Data sets that are pairs of an image file and a label file."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from drivseg_ros.base.natural import natural_key
from drivseg_ros.errors import DataError
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.label_images import LABEL_SUFFIXES
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.labels import Labels, plain_labels
from drivseg_ros.images.files import (
    IMAGE_SUFFIXES,
    MASK_ENDING,
    decode_image_file,
    is_picture,
    orientation_of,
    read_bytes,
    without_masks,
)
from drivseg_ros.model.card import ModelClass

_SHOWN = 5


@dataclass(frozen=True)
class FramePair:
    """The two files of a frame.

    Args:
        name: Unique in its data set.
        image: The picture.
        label: Its label; where it should be, if it is missing.
        group: The drive it is from; frames of one group never fall into two parts.
        missing: What to say of a label that is not there; '' if it is.
    """

    name: str
    image: Path
    label: Path
    group: str
    missing: str = ''


@dataclass(frozen=True, eq=False)
class PairedFiles:
    """A data set of such pairs (see `base.Dataset`).

    Args:
        name: Kind and part, for people.
        labels: What the label files mean.
        pairs: The frames, in order.
        unused_labels: Labels beside the others that have no image.

    Raises:
        DataError: If there is no frame, or two frames have one name.
    """

    name: str
    labels: Labels
    pairs: tuple[FramePair, ...]
    unused_labels: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if not self.pairs:
            raise DataError(f'{self.name}: there is no frame; give another folder or part')
        if len(set(self.names)) != len(self.pairs):
            twice = Counter(self.names).most_common(1)[0][0]
            raise DataError(
                f'{self.name}: two frames have the name {twice!r}; frames go by name, so rename one'
            )

    @property
    def classes(self) -> tuple[ModelClass, ...]:
        """The classes of the labels."""
        return self.labels.classes

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The frames' names, in order."""
        return tuple(pair.name for pair in self.pairs)

    @cached_property
    def identity(self) -> str:
        """A digest of labels, names and file sizes; not of where the files are."""
        said = self.labels
        meaning = (said.classes, said.values, said.colors, said.unlabelled)
        digest = hashlib.sha256(repr(meaning).encode())
        for pair in self.pairs:
            sizes = [
                _size(f) for f in (pair.image, pair.label) if f is pair.image or not pair.missing
            ]
            digest.update(repr((pair.name, *sizes)).encode())
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> LabelledFrame:
        pair = self.pairs[index]
        label = self.label_only(index)
        data = read_bytes(pair.image)
        image = decode_image_file(pair.image, data)
        if image.shape[:2] != label.shape:
            turned = ''
            if image.shape[:2] == label.shape[::-1] and orientation_of(data) > 4:
                turned = (
                    ' (the image is turned as its EXIF orientation says, as viewers show it, and '
                    'the label is not: draw or turn the label so, or take the orientation out)'
                )
            raise DataError(
                f"image '{pair.image}' is {image.shape[1]}x{image.shape[0]}, its label "
                f"'{pair.label}' {label.shape[1]}x{label.shape[0]}; they must have one size{turned}"
            )
        return LabelledFrame(pair.name, image, label, group=pair.group)

    def label_only(self, index: int) -> np.ndarray:
        """The label of a frame, uint8 [H, W]."""
        pair = self.pairs[index]
        if pair.missing:
            raise DataError(f'no label: {pair.missing}; add the label or take the image out')
        return self.labels.read(pair.label)

    def select(self, names: Iterable[str], *, name: str) -> PairedFiles:
        """The same data set with these frames only, in their order here."""
        wanted = set(names)
        pairs = tuple(pair for pair in self.pairs if pair.name in wanted)
        return dataclasses.replace(self, name=name, pairs=pairs)


def drives_of(dataset: Dataset) -> dict[str, str]:
    """The drive of each frame by its name; nothing where every frame is a drive of its own."""
    pairs = dataset.pairs if isinstance(dataset, PairedFiles) else ()
    drives = {pair.name: pair.group for pair in pairs}
    return drives if any(name != drive for name, drive in drives.items()) else {}


def labels_of(dataset: Dataset) -> Labels | None:
    """What the labels of a data set show; None where its frames have none."""
    if isinstance(dataset, PairedFiles):
        return dataset.labels
    return plain_labels(dataset.name, dataset.classes) if dataset.classes else None


def pair_files(
    images: Sequence[Path],
    *,
    label_of: Callable[[Path], Path],
    name_of: Callable[[Path], str] = lambda image: image.stem,
    group_of: Callable[[str], str] = lambda name: name,
) -> tuple[FramePair, ...]:
    """Each image with its label, or with what to say where that is missing.

    A label is `label_of(image)`, or of that name one that ends in another of LABEL_SUFFIXES, or in
    _mask.png, as Roboflow puts them beside the images.

    Args:
        images: The images, in the order of the data set.
        label_of: Where an image's label must be.
        name_of: An image's name in the data set.
        group_of: The drive of a frame, by its name.

    Raises:
        DataError: If two images share a label.
    """
    pairs: list[FramePair] = []
    present: dict[Path, dict[str, str]] = {}
    for image in images:
        label = label_of(image)
        if label.parent not in present:
            present[label.parent] = _file_names(label.parent)
        names = present[label.parent]
        found = [names.get(f'{label.stem}{end}') for end in (*LABEL_SUFFIXES, f'{MASK_ENDING}.png')]
        own = image.name if image.parent == label.parent else ''  # an image is not its own label
        written = next((name for name in found if name and name != own), None)
        name = name_of(image)
        group = group_of(name)
        if written is None:
            pairs.append(FramePair(name, image, label, group, _missing(image, label, names)))
        else:
            pairs.append(FramePair(name, image, label.with_name(written), group))
    labels = Counter(pair.label for pair in pairs if not pair.missing)
    for path, count in labels.most_common(1):
        if count > 1:
            raise DataError(
                f'{count} images go by the name of the label {path}; rename all but one'
            )
    return tuple(pairs)


def require_labels(pairs: Sequence[FramePair], *, all_of_them: bool = True) -> None:
    """Refuses frames whose labels are missing.

    Args:
        pairs: The frames.
        all_of_them: Refuses one that is missing; else only where none is there.

    Raises:
        DataError: If labels are missing; the first few are named.
    """
    missing = [pair.missing for pair in pairs if pair.missing]
    if missing and (all_of_them or len(missing) == len(pairs)):
        raise DataError(
            f'{len(missing)} of {len(pairs)} images have no label: {"; ".join(missing[:_SHOWN])}'
            f'{" ..." if len(missing) > _SHOWN else ""}; add the labels or take the images out'
        )


def unused_labels(pairs: Iterable[FramePair], pattern: str = '*.png') -> tuple[Path, ...]:
    """Labels of these folders and this pattern that no pair uses."""
    used = {file for pair in pairs for file in (pair.image, pair.label)}
    folders = sorted({pair.label.parent for pair in pairs if not pair.missing})
    return tuple(
        sorted(
            f for folder in folders for f in folder.glob(pattern) if f not in used and is_picture(f)
        )
    )


def images_in(folder: Path, *, what: str, suffix: str = '') -> list[Path]:
    """The images of a folder, in the order in which people number files.

    Args:
        folder: The folder.
        what: What the folder is, for the message: 'BDD100K, official layout'.
        suffix: Only images whose name without extension ends so; masks beside them are left out.

    Raises:
        DataError: If there is no such folder, or no such image.
    """
    if not folder.is_dir():
        raise DataError(f'{what}: there is no folder {folder}; see docs/datasets.md for the layout')
    images = [
        f
        for f in folder.iterdir()
        # A link that leads nowhere stays: reading it says so.
        if is_picture(f) and f.stem.endswith(suffix) and (f.is_file() or not f.exists())
    ]
    images = without_masks(images)
    if not images:
        wanted = ', '.join(f'*{suffix}{s}' for s in IMAGE_SUFFIXES)
        raise DataError(f'{what}: {folder} holds no image ({wanted}); give another folder')
    return sorted(images, key=lambda f: natural_key(f.name))


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, without hidden ones; none if it is not there."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(f for f in found if f.is_dir() and not f.name.startswith('.'))


def _file_names(folder: Path) -> dict[str, str]:
    """The files of a folder, by their names with the suffix in small letters."""
    files = folder.iterdir() if folder.is_dir() else ()
    return {f.stem + f.suffix.lower(): f.name for f in files if not f.name.startswith('.')}


def _missing(image: Path, label: Path, there: dict[str, str]) -> str:
    others = [name for name in there.values() if name.rpartition('.')[0] == label.stem]
    others = [name for name in others if label.with_name(name) != image]
    if not others:
        return f'{image.name} wants {label}'
    return (
        f'{image.name} wants {label}, and {", ".join(sorted(others))} is no label: ids must come '
        f'as {", ".join(LABEL_SUFFIXES)}'
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error}") from error
