# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A labelled frame, wherever it comes from, and a frame that could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from drivseg_ros.errors import DataError

DROPPED = 'dropped'
"""The kind of a LostFrame that whoever made the recorded masks left out."""


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """One frame: its image, its label, and a mask where somebody's network recorded one.

    Args:
        name: The frame's name, unique in its source.
        image: uint8 [H, W, 3] RGB, any strides; None where masks come without images.
        label: uint8 [H, W], ids of the source's `labels.classes`, 255 unlabelled; None without
            ground truth.
        mask: uint8 [H, W], class ids that a network recorded; None where one is still to be run.
        confidence: uint8 [H, W], recorded with the mask.
        stamp_ns: Its time, if known.
        group: What it is resampled with: its drive, or a few seconds of it; its name if ''.
        sequence: The drive in which it follows the frame before.
        frame_id: The coordinate frame of its camera, as recorded.
        time_ns: When a bag received it; None if it is of no bag.

    Raises:
        DataError: If a plane has another type, or planes that belong together differ in size. An
            image beside a recorded mask may have a size of its own: it is only looked at.
    """

    name: str
    image: np.ndarray | None = None
    label: np.ndarray | None = None
    mask: np.ndarray | None = None
    confidence: np.ndarray | None = None
    stamp_ns: int | None = None
    group: str = ''
    sequence: str = ''
    frame_id: str = ''
    time_ns: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, 'group', self.group or self.name)
        image = self.image
        if image is not None and (
            image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3
        ):
            raise DataError(
                f"the image of '{self.name}' is {image.dtype} {list(image.shape)}; "
                'uint8 [H, W, 3] is needed'
            )
        sizes = {}
        if image is not None and self.mask is None:
            sizes['image'] = image.shape[:2]
        for what in ('label', 'mask', 'confidence'):
            plane = getattr(self, what)
            if plane is None:
                continue
            if plane.dtype != np.uint8 or plane.ndim != 2:
                raise DataError(
                    f"the {what} of '{self.name}' is {plane.dtype} {list(plane.shape)}; "
                    'uint8 [H, W] is needed'
                )
            sizes[what] = plane.shape
        if len(set(sizes.values())) > 1:
            given = ', '.join(f'its {what} {w}x{h}' for what, (h, w) in sizes.items())
            raise DataError(f"of the frame '{self.name}', {given}; they must have one size")

    def pixels(self) -> np.ndarray:
        """The image, of frames that have one.

        Raises:
            DataError: If it is not there.
        """
        if self.image is None:
            raise DataError(f"the frame '{self.name}' has no image; choose another source")
        return self.image

    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """Image and label, of frames that have both.

        Raises:
            DataError: If one of them is not there.
        """
        if self.label is None:
            raise DataError(f"the frame '{self.name}' has no label; choose another source")
        return self.pixels(), self.label


@dataclass(frozen=True)
class LostFrame:
    """A frame that cannot be used.

    Args:
        name: The frame's name.
        kind: A short name of the reason; DROPPED if whoever made the masks left it out.
        message: What happened, one sentence.
        image: uint8 [H, W, 3] RGB, where it is known all the same.
    """

    name: str
    kind: str
    message: str
    image: np.ndarray | None = field(default=None, compare=False, repr=False)
