# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A frame and a set of frames, wherever they come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.model.card import UNLABELLED, ModelCard


@dataclass(frozen=True, eq=False)
class Frame:
    """One image and what it shows.

    Attributes:
        name: what to call it in messages: its file name, or its place and stamp in the bag.
        image: uint8 [H, W, 3] RGB.
        label: uint8 [H, W], UNLABELLED where nobody knows; or None.
    """

    name: str
    image: np.ndarray
    label: np.ndarray | None = None

    def check_label(self, card: ModelCard) -> None:
        """Looks whether the label's ids are classes of a model.

        Raises:
            DataError: if an id is neither a class nor UNLABELLED.
        """
        if self.label is None:
            return
        found = np.flatnonzero(np.bincount(self.label.ravel(), minlength=256)[:UNLABELLED])
        if found.size and found[-1] >= card.num_classes:
            raise DataError(
                f'the label of {self.name} has the ids {found.tolist()}, but the model '
                f'{card.name} has the classes '
                + ', '.join(f'{c.id} {c.name}' for c in card.classes)
                + f'; give labels in these ids ({UNLABELLED}: unlabelled), or none'
            )


class Frames(ABC):
    """A set of frames that can be gone through again and again.

    Attributes:
        description: where they come from, for a person.
        has_labels: whether every frame has a label.
        failed: what could not be decoded in the latest pass: name of the frame, and why. These
            frames are left out of the pass.
    """

    description: str
    has_labels: bool
    failed: dict[str, str]

    @abstractmethod
    def __len__(self) -> int:
        """The number of frames, those that will fail included."""

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """One pass.

        Raises:
            DataError: if a label cannot be read, or has not its image's size.
            BagError: if the bag is damaged.
        """

    @abstractmethod
    def take(self, places: Sequence[int]) -> Frames:
        """The frames at some places of this set only, in the order of the set."""


def pair(name: str, image: np.ndarray, label: np.ndarray | None) -> Frame:
    """A frame of an image and its label, if it has one.

    Raises:
        DataError: if they have not the same size.
    """
    if label is not None and label.shape != image.shape[:2]:
        raise DataError(
            f'{name} is {image.shape[1]}x{image.shape[0]}, its label '
            f'{label.shape[1]}x{label.shape[0]}; they must have one size'
        )
    return Frame(name, image, label)
