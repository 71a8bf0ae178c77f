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
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.labels import Labels, plain_labels
from drivseg_ros.images.files import IMAGE_SUFFIXES, is_picture, read_image
from drivseg_ros.model.card import ModelClass

_SHOWN = 5


@dataclass(frozen=True)
class FramePair:
    """The two files of a frame.

    Args:
        name: Unique in its data set.
        image: The picture.
        label: Its label, a PNG.
        group: The drive it is from; frames of one group never fall into two parts.
    """

    name: str
    image: Path
    label: Path
    group: str


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
            sizes = (_size(pair.image), _size(pair.label))
            digest.update(repr((pair.name, *sizes)).encode())
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> LabelledFrame:
        pair = self.pairs[index]
        image, label = read_image(pair.image), self.labels.read(pair.label)
        if image.shape[:2] != label.shape:
            raise DataError(
                f"image '{pair.image}' is {image.shape[1]}x{image.shape[0]}, its label "
                f"'{pair.label}' {label.shape[1]}x{label.shape[0]}; they must have one size"
            )
        return LabelledFrame(pair.name, image, label, group=pair.group)

    def label_only(self, index: int) -> np.ndarray:
        """The label of a frame, uint8 [H, W]."""
        return self.labels.read(self.pairs[index].label)

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
    """Each image with its label.

    Args:
        images: The images, in the order of the data set.
        label_of: Where an image's label must be.
        name_of: An image's name in the data set.
        group_of: The drive of a frame, by its name.

    Raises:
        DataError: If a label is missing (the first few are named), or two images share one.
    """
    pairs: list[FramePair] = []
    missing = []
    present: dict[Path, dict[str, str]] = {}
    for image in images:
        label = label_of(image)
        if label.parent not in present:
            present[label.parent] = _file_names(label.parent)
        written = present[label.parent].get(label.name)
        if written is None:
            missing.append((image, label))
            continue
        name = name_of(image)
        pairs.append(FramePair(name, image, label.with_name(written), group_of(name)))
    if missing:
        first = '; '.join(f'{image.name} wants {label}' for image, label in missing[:_SHOWN])
        raise DataError(
            f'{len(missing)} of {len(images)} images have no label: {first}'
            f'{" ..." if len(missing) > _SHOWN else ""}; add the labels or take the images out'
        )
    for path, count in Counter(pair.label for pair in pairs).most_common(1):
        if count > 1:
            raise DataError(
                f'{count} images go by the name of the label {path}; rename all but one'
            )
    return tuple(pairs)


def unused_labels(pairs: Iterable[FramePair], pattern: str = '*.png') -> tuple[Path, ...]:
    """Labels of these folders and this pattern that no pair uses."""
    used = {pair.label for pair in pairs}
    folders = sorted({label.parent for label in used})
    return tuple(sorted(f for folder in folders for f in folder.glob(pattern) if f not in used))


def images_in(folder: Path, *, what: str, suffix: str = '') -> list[Path]:
    """The images of a folder, in the order in which people number files.

    Args:
        folder: The folder.
        what: What the folder is, for the message: 'BDD100K, official layout'.
        suffix: Only images whose name without extension ends so.

    Raises:
        DataError: If there is no such folder, or no such image.
    """
    if not folder.is_dir():
        raise DataError(f'{what}: there is no folder {folder}; see docs/datasets.md for the layout')
    images = [
        f
        for f in folder.iterdir()
        # A link that leads nowhere stays: reading it says so.
        if is_picture(f) and f.stem.endswith(suffix) and not f.is_dir()
    ]
    if not images:
        wanted = ', '.join(f'*{suffix}{s}' for s in IMAGE_SUFFIXES)
        raise DataError(f'{what}: {folder} holds no image ({wanted}); give another folder')
    return sorted(images, key=lambda f: natural_key(f.name))


def _file_names(folder: Path) -> dict[str, str]:
    """The files of a folder, by their names with the suffix in small letters."""
    files = folder.iterdir() if folder.is_dir() else ()
    return {f.stem + f.suffix.lower(): f.name for f in files}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error}") from error
