# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Segmentations kept in files, so that a reference runs once and many are compared with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.segmentation import Segmentation

_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1]


class MaskWriter:
    """Keeps segmentations in the order in which they come.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def add(self, segmentation: Segmentation) -> None:
        """Keeps one.

        Raises:
            DataError: if it cannot be written.
        """
        planes = {'ids': segmentation.class_ids, 'confidence': segmentation.confidence}
        for name, plane in planes.items():
            if plane is not None:
                path = _path(self._folder, self._count, name)
                if not cv2.imwrite(str(path), plane, _FAST):
                    raise DataError(f"'{path}' cannot be written; is the disk full?")
        self._count += 1


class RecordedSegmenter:
    """Gives the segmentations that a MaskWriter kept, one after the other.

    It stands in for the Segmenter that made them, given the same images in the same order.

    Args:
        folder: the MaskWriter's folder.
        card: the card of the model that made them.
    """

    def __init__(self, folder: Path, card: ModelCard) -> None:
        self.card = card
        self._folder = folder
        self._count = 0

    def segment(
        self, images: Sequence[np.ndarray], *, confidence: bool = False
    ) -> list[Segmentation]:
        """The next segmentations; see `Segmenter.segment`.

        Raises:
            DataError: if there are no more, or they are not of these images.
        """
        return [self._next(image, confidence) for image in images]

    def _next(self, image: np.ndarray, confidence: bool) -> Segmentation:
        number = self._count
        self._count += 1
        ids = cv2.imread(str(_path(self._folder, number, 'ids')), cv2.IMREAD_UNCHANGED)
        if ids is None or ids.shape != image.shape[:2]:
            raise DataError(
                f'frame {number} is not the one that the reference saw; the data changed '
                'meanwhile: run it again'
            )
        path = _path(self._folder, number, 'confidence')
        plane = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if confidence else None
        return Segmentation(class_ids=ids, confidence=plane, card=self.card)


def _path(folder: Path, number: int, name: str) -> Path:
    return folder / f'{number:06d}_{name}.png'
