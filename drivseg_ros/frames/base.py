# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every data set of labelled frames is to the rest of the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.model.card import ModelClass


@dataclass(frozen=True, eq=False)
class Sample:
    """One labelled frame.

    Args:
        name: The frame's name, unique in its data set.
        image: uint8 [H, W, 3], RGB.
        label: uint8 [H, W], ids of the data set's classes, 255 unlabelled.

    Raises:
        DataError: If the two differ in size or are not of these types.
    """

    name: str
    image: np.ndarray
    label: np.ndarray

    def __post_init__(self) -> None:
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3:
            raise DataError(
                f"the image of '{self.name}' is {self.image.dtype} {list(self.image.shape)}; "
                'uint8 [H, W, 3] is needed'
            )
        if self.label.dtype != np.uint8 or self.label.ndim != 2:
            raise DataError(
                f"the label of '{self.name}' is {self.label.dtype} {list(self.label.shape)}; "
                'uint8 [H, W] is needed'
            )
        if self.image.shape[:2] != self.label.shape:
            (height, width), (label_height, label_width) = self.image.shape[:2], self.label.shape
            raise DataError(
                f"the image of '{self.name}' is {width}x{height}, its label "
                f'{label_width}x{label_height}; they must have one size'
            )


class Dataset(Protocol):
    """A fixed sequence of labelled frames."""

    @property
    def name(self) -> str:
        """The kind and the part, short, for people."""

    @property
    def classes(self) -> tuple[ModelClass, ...]:
        """What the label ids mean; they are 0, 1, 2, ... without a gap."""

    @property
    def names(self) -> tuple[str, ...]:
        """The frames' names, in order, each once."""

    @property
    def identity(self) -> str:
        """Says which frames these are, whatever machine and folder they lie on.

        For cache keys and logs. Files count by name and size, so that a large set need not be
        read to be opened.
        """

    def __len__(self) -> int:
        """The number of frames, at least one."""

    def __getitem__(self, index: int) -> Sample:
        """Reads one frame.

        Raises:
            DataError: If a file cannot be used, or the label has an id that no class has.
            IndexError: If there is no such frame.
        """

    def label_only(self, index: int) -> np.ndarray:
        """The label of a frame, uint8 [H, W], without decoding its image."""
