# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Folders of labelled images: which pairs there are, and how one is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.image_files import IMAGE_SUFFIXES, read_image, read_label
from drivseg_ros.training.split import Part, part_of
from drivseg_ros.training.targets import CAMVID, KITTI_ROAD, LANES, TargetMapping


@dataclass(frozen=True)
class LabelledFolder:
    """A folder of images and a folder of labels (PNG, one channel) with the same names.

    Args:
        name: How the set is called in logs and cards.
        images: Folder of the images.
        labels: Folder of the labels.
        mapping: What the label ids mean.
        select: Keeps a frame by its name without suffix; None keeps all.

    Raises:
        ParameterError: If a folder is missing.
    """

    name: str
    images: Path
    labels: Path
    mapping: TargetMapping
    select: Callable[[str], bool] | None = None

    def __post_init__(self) -> None:
        for folder in (self.images, self.labels):
            if not folder.is_dir():
                raise ParameterError(f'{self.name}: there is no folder {folder}; give one')

    def pairs(self) -> list[tuple[Path, Path]]:
        """(image, label) of every selected frame, sorted by name.

        Raises:
            ParameterError: If an image has no label, or nothing is selected.
        """
        pairs = []
        for image in sorted(self.images.iterdir()):
            if image.suffix.lower() not in IMAGE_SUFFIXES:
                continue
            if self.select is not None and not self.select(image.stem):
                continue
            label = self.labels / f'{image.stem}.png'
            if not label.is_file():
                raise ParameterError(f'{self.name}: {image.name} has no label at {label}; add it')
            pairs.append((image, label))
        if not pairs:
            raise ParameterError(f'{self.name}: no frame is selected in {self.images}')
        return pairs

    def read(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Name, image uint8 [H, W, 3] RGB and target uint8 [H, W] of every selected frame."""
        for image_path, label_path in self.pairs():
            image, label = read_image(image_path), read_label(label_path)
            if image.shape[:2] != label.shape:
                raise ParameterError(
                    f'{image_path} is {image.shape[1]}x{image.shape[0]}, its label '
                    f'{label.shape[1]}x{label.shape[0]}; they must have one size'
                )
            yield image_path.stem, image, self.mapping.apply(label)


def bdd100k(data: Path, part: Part) -> LabelledFolder:
    """One part of the BDD100K frames with people's labels by lane (see `split`)."""
    folder = data / 'bdd100k_drivable'
    return LabelledFolder(
        f'bdd100k_drivable ({part.value})',
        folder / 'images',
        folder / 'labels_by_lane',
        LANES,
        select=lambda stem: part_of(stem) is part,
    )


def pseudo_labelled(data: Path) -> LabelledFolder:
    """Frames of many drives with labels made by two other networks."""
    return LabelledFolder(
        'frames', data / 'frames' / 'images', data / 'frames' / 'labels_by_lane', LANES
    )


def kitti_road(data: Path) -> LabelledFolder:
    """KITTI's road training frames."""
    folder = data / 'kitti_road'
    return LabelledFolder('kitti_road', folder / 'images', folder / 'labels', KITTI_ROAD)


def camvid(data: Path, part: str) -> LabelledFolder:
    """CamVid's 'train' or 'val' frames."""
    folder = data / 'camvid' / part
    return LabelledFolder(f'camvid/{part}', folder / 'images', folder / 'labels', CAMVID)
