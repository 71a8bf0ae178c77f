# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames that nobody labelled: a folder of pictures or a video."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.video_frames import VideoFrames
from drivseg_ros.images.files import find_images, read_image
from drivseg_ros.model.card import UNLABELLED, ModelClass


@dataclass(frozen=True, eq=False)
class UnlabelledFrames:
    """A data set all of whose pixels are unlabelled (see `base.Dataset`).

    Args:
        name: For people.
        frames: The pictures, or the video.
        indices: Which of them, in order.

    Raises:
        DataError: If two frames have one name.
    """

    name: str
    frames: tuple[Path, ...] | VideoFrames
    indices: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.indices):
            twice = Counter(self.names).most_common(1)[0][0]
            raise DataError(f'{self.name}: two pictures have the name {twice!r}; rename one')

    @property
    def classes(self) -> tuple[ModelClass, ...]:
        """None: there is nothing to map to a network's classes."""
        return ()

    @property
    def names(self) -> tuple[str, ...]:
        """The pictures' names, or the video's with the frame's number."""
        if isinstance(self.frames, VideoFrames):
            return tuple(f'{self.frames.path.stem}_{i:06d}' for i in self.indices)
        return tuple(self.frames[i].stem for i in self.indices)

    @property
    def identity(self) -> str:
        """A digest of names and file sizes; not of where the files are."""
        if isinstance(self.frames, VideoFrames):
            files = [self.frames.path]
        else:
            files = [self.frames[i] for i in self.indices]
        described = (self.names, [f.stat().st_size if f.exists() else None for f in files])
        return hashlib.sha256(f'unlabelled {described}'.encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> LabelledFrame:
        name, place = self.names[index], self.indices[index]
        if isinstance(self.frames, VideoFrames):
            image = self.frames.read(place)
        else:
            image = read_image(self.frames[place])
        return LabelledFrame(name, image, np.full(image.shape[:2], UNLABELLED, np.uint8))

    def label_only(self, index: int) -> np.ndarray:
        """255 everywhere, uint8 [H, W]; the size is that of the image, so it costs as much."""
        return self[index].pair()[1]

    def select(self, names: Iterable[str], *, name: str) -> UnlabelledFrames:
        """The same frames, these only, in their order here."""
        wanted = set(names)
        kept = [i for i, n in zip(self.indices, self.names, strict=True) if n in wanted]
        return dataclasses.replace(self, name=name, indices=tuple(kept))


def open_unlabelled(root: Path, *, every: int = 1) -> UnlabelledFrames:
    """The frames of a folder or a video.

    Args:
        root: A folder of pictures (or with one folder images/ or data/ of them), or a video file.
        every: Takes one frame of so many.

    Raises:
        DataError: If there are no pictures, or the video cannot be read.
        ParameterError: If `every` is below 1.
    """
    if every < 1:
        raise ParameterError(f'every = {every}; give a number from 1')
    frames: tuple[Path, ...] | VideoFrames
    if root.is_file():
        frames = VideoFrames(root)
        count = frames.count
    else:
        frames = tuple(find_images(root))
        count = len(frames)
    return UnlabelledFrames(f'unlabelled ({root.name})', frames, tuple(range(0, count, every)))
