# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every data set of labelled frames is to the rest of the program."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.model.card import ModelClass


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
        """Says which frames these are, whatever machine and folder they are in.

        For cache keys and logs. Files count by name and size, so that a large set need not be
        read to be opened.
        """

    def __len__(self) -> int:
        """The number of frames, at least one."""

    def __getitem__(self, index: int) -> LabelledFrame:
        """Reads one frame.

        Raises:
            DataError: If a file cannot be used, or the label has an id that no class has.
            IndexError: If there is no such frame.
        """

    def label_only(self, index: int) -> np.ndarray:
        """The label of a frame, uint8 [H, W], without decoding its image."""
