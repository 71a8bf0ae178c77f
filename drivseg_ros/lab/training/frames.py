# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames as a network is fed with them: image, target, and what teachers say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from drivseg_ros.base.cpus import usable_cpus
from drivseg_ros.frames.base import Dataset as LabelledFrames
from drivseg_ros.frames.cache import cached_arrays, in_threads, resize_frame
from drivseg_ros.frames.class_mapping import ClassMapping
from drivseg_ros.lab.training.augmentation import Augmentation, view_of
from drivseg_ros.lab.training.hints import Hints
from drivseg_ros.lab.training.order import Draw
from drivseg_ros.model.card import UNLABELLED

_THREADS = min(4, usable_cpus())

Batch = dict[str, Tensor]
"""image uint8 [N, H, W, 3], target uint8 [N, H, W]; with teachers hint_codes and hint_confidence,
uint8 [N, T, H, W]; in validation source int64 [N]."""


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames of one data set at one size.

    Args:
        dataset: The data set.
        mapping: From its labels to targets.
        size: Width and height.
        cached: 'image' [M, H, W, 3] and 'label' [M, H, W], if they lie in a cache.
        hints: What teachers say of the frames, if there are some.
    """

    dataset: LabelledFrames
    mapping: ClassMapping
    size: tuple[int, int]
    cached: Mapping[str, np.ndarray] = field(default_factory=dict)
    hints: Hints | None = None

    def __len__(self) -> int:
        return len(self.dataset)

    def read(self, index: int) -> tuple[np.ndarray, list[np.ndarray]]:
        """A frame.

        Returns:
            The image uint8 [H, W, 3], and the planes uint8 [H, W]: the target, then of each
            teacher its codes and its confidence.
        """
        if self.cached:
            image, label = (np.array(self.cached[name][index]) for name in ('image', 'label'))
        else:
            image, label = resized(self.dataset, index, self.size)
        target = self.mapping.apply(label)
        hints = [] if self.hints is None else self.hints.planes(index)
        return image, [target, *hints]

    def with_cache(self, folder: Path) -> Frames:
        """The same, read from the cache; they are put there first."""
        width, height = self.size

        def make() -> Iterator[dict[str, np.ndarray]]:
            made = in_threads(
                lambda i: resized(self.dataset, i, self.size), len(self), threads=_THREADS
            )
            return ({'image': image, 'label': label} for image, label in made)

        cached = cached_arrays(
            folder,
            key=f'frames {self.dataset.identity}',
            count=len(self),
            shapes={'image': (height, width, 3), 'label': (height, width)},
            make=make,
        )
        return replace(self, cached=cached)


def resized(
    dataset: LabelledFrames, index: int, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Image and label of a frame at a width and height."""
    image, label = dataset[index].pair()
    return resize_frame(image, label, width=size[0], height=size[1])


class TrainingFrames(Dataset[Batch]):
    """Views of frames by what `EpochOrder` draws.

    Args:
        sources: The frames of each data set.
        augment: How they are varied.
        width: Width of the views; height likewise.
        target_stride: Targets and hints have this fraction of the views' size.
        covered: The code that a target has where a bonnet is drawn over a frame; teachers do
            not count there.
    """

    def __init__(
        self,
        sources: Sequence[Frames],
        augment: Augmentation,
        *,
        width: int,
        height: int,
        target_stride: int = 1,
        covered: int = UNLABELLED,
    ) -> None:
        self.sources = sources
        self.augment = augment
        self.size = (width, height)
        self.target_stride = target_stride
        self.covered = covered

    def __getitem__(self, draw: Draw) -> Batch:
        """One view; the same draw gives the same one."""
        width, height = self.size
        image, planes = self.sources[draw.source].read(draw.frame)
        image, planes = view_of(
            self.augment,
            image,
            planes,
            draw.seed,
            width=width,
            height=height,
            target_stride=self.target_stride,
            covered=[self.covered, *(UNLABELLED, 0) * (len(planes) // 2)],
        )
        view = {'image': _tensor(image), 'target': _tensor(planes[0])}
        if len(planes) > 1:
            view['hint_codes'] = torch.stack([_tensor(p) for p in planes[1::2]])
            view['hint_confidence'] = torch.stack([_tensor(p) for p in planes[2::2]])
        return view


class ValidationFrames(Dataset[Batch]):
    """The frames of all validation sets as they are, one after another.

    Args:
        sources: The frames of each data set, at the network's size.
        rank: Which of `world` processes this is; each takes its share, no frame comes twice.
        world: How many processes there are.
        limit: So many frames of all processes together are enough, but at least one of each data
            set, without which it has no metrics; 0: all.
    """

    def __init__(
        self, sources: Sequence[Frames], *, rank: int = 0, world: int = 1, limit: int = 0
    ) -> None:
        self.sources = sources
        places = [(s, i) for s, frames in enumerate(sources) for i in range(len(frames))]
        if limit:
            places.sort(key=lambda place: place[::-1])  # the first of each set, then the second
            places = places[: max(limit, len(sources))]
        self.places = places[rank::world]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Batch:
        """One frame, with the number of its data set."""
        source, frame = self.places[index]
        image, planes = self.sources[source].read(frame)
        return {
            'image': _tensor(image),
            'target': _tensor(planes[0]),
            'source': torch.tensor(source),
        }


def one_thread(worker: int) -> None:
    """What a loading process does first: the threads are the training process's."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
