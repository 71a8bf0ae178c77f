# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the frames of an evaluation come from: a data set in a folder, or a bag."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.label_map import LabelMap, plain_map
from drivseg_ros.frames.paired_files import drives_of


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """A frame to be judged.

    Attributes:
        name: of the frame, each once.
        group: what it is resampled with: its drive, or a few seconds of it.
        label: uint8 [H, W], class ids, UNLABELLED; None without a label.
        image: uint8 [H, W, 3] RGB; None where masks come without images.
        mask: uint8 [H, W], of somebody's network; None where ours is to be run.
        confidence: uint8 [H, W], likewise.
        sequence: the drive in which it follows the frame before.
        stamp_ns: its time, if known.
    """

    name: str
    group: str
    label: np.ndarray | None = None
    image: np.ndarray | None = None
    mask: np.ndarray | None = None
    confidence: np.ndarray | None = None
    sequence: str = ''
    stamp_ns: int | None = None


@dataclass(frozen=True)
class LostFrame:
    """A frame that cannot be judged.

    Attributes:
        name: of the frame.
        kind: a short name of the reason; DROPPED if whoever made the masks left it out.
        message: what happened, one sentence.
    """

    name: str
    kind: str
    message: str


DROPPED = 'dropped'


class FrameSource(ABC):
    """Frames, gone through once.

    Attributes:
        labels: what the labels' values mean.
        unmatched_labels: labels without a frame; known when all frames are gone through.
        has_images: whether a network can be run on them.
    """

    labels: LabelMap
    unmatched_labels: int
    has_images: bool

    @abstractmethod
    def __len__(self) -> int:
        """How many frames there are, those that will be lost included."""

    @abstractmethod
    def __iter__(self) -> Iterator[SourceFrame | LostFrame]:
        """The frames in order.

        Raises:
            DataError: if labels mean nothing.
            BagError: if a bag is damaged.
        """

    def images_beside(self, names: Collection[str]) -> dict[str, np.ndarray]:
        """Images that lie beside masks, for pictures.

        Args:
            names: of the frames that are asked for.

        Returns:
            uint8 [H, W, 3] RGB by name; without those that are not there or are damaged.
        """
        return {}

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Where the frames are from, plain data."""


class DatasetSource(FrameSource):
    """A data set of labelled frames.

    Args:
        title: how the user named it.
        dataset: its frames.
        labels: what its class ids mean instead of what it says itself.
        by_drive: whether frames are resampled by drive, where drives are known.
    """

    def __init__(
        self,
        title: str,
        dataset: Dataset,
        *,
        labels: LabelMap | None = None,
        by_drive: bool = True,
    ) -> None:
        self.labels = labels or plain_map(dataset.name, dataset.classes)
        self.unmatched_labels = 0
        self.has_images = True
        self._title = title
        self._dataset = dataset
        self._given = labels
        self._drives = drives_of(dataset)
        self._by_drive = by_drive

    def __len__(self) -> int:
        return len(self._dataset)

    def __iter__(self) -> Iterator[SourceFrame | LostFrame]:
        for index, name in enumerate(self._dataset.names):
            try:
                sample = self._dataset[index]
            except DataError as error:
                yield LostFrame(name, 'data', str(error))
                continue
            label = self._label(sample.label)
            drive = self._drives.get(name, name)
            yield SourceFrame(
                name,
                drive if self._by_drive else name,
                label,
                sample.image,
                sequence=self._drives.get(name, ''),
            )

    def _label(self, label: np.ndarray) -> np.ndarray | None:
        if not self.labels.classes:
            return None  # pictures that nobody labelled
        return label if self._given is None else self._given.apply(label)

    def describe(self) -> dict[str, Any]:
        """Where the frames are from."""
        return {
            'kind': 'dataset',
            'given': self._title,
            'dataset': self._dataset.name,
            'identity': self._dataset.identity,
            'labels': self.labels.name,
            'resampled_by': 'drive' if self._by_drive and self._drives else 'frame',
        }
