# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Batches of augmented frames; a seed and an epoch give the same batches again."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from drivseg_ros.errors import ParameterError
from drivseg_ros.training.augmentation import Augmentation
from drivseg_ros.training.cache import CachedFrames

TARGET_STRIDE = 2
"""Targets have half the images' size: the logits have an eighth, more would teach nothing."""


class AugmentedFrames(Dataset[tuple[Tensor, Tensor]]):
    """The frames of one epoch, in order.

    Args:
        sources: Cached frames by name.
        samples: How many frames of each source.
        augmentation: How they are varied.
        width: Width of the images; height likewise.
        seed: Together with the epoch where chance comes from.
        epoch: Counted from 0.

    Raises:
        ParameterError: If a source is missing.
    """

    def __init__(
        self,
        sources: Mapping[str, CachedFrames],
        samples: Mapping[str, int],
        augmentation: Augmentation,
        *,
        width: int,
        height: int,
        seed: int,
        epoch: int,
    ) -> None:
        missing = sorted(set(samples) - set(sources))
        if missing:
            raise ParameterError(
                f'the recipe draws from {missing}, which is not there; there are {sorted(sources)}'
            )
        self.sources = sources
        self.augmentation = augmentation
        self.size = (width, height)
        self.seed = (seed, epoch)
        rng = np.random.default_rng(self.seed)
        order: list[tuple[str, int]] = []
        for name, count in samples.items():
            picks: list[int] = []
            while len(picks) < count:
                picks += rng.permutation(len(sources[name])).tolist()
            order += [(name, index) for index in picks[:count]]
        self.order = [order[i] for i in rng.permutation(len(order))]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Image uint8 [height, width, 3] and target uint8 [height / 2, width / 2]."""
        name, frame = self.order[index]
        source = self.sources[name]
        image, target = self.augmentation(
            source.images[frame],
            source.targets[frame],
            np.random.default_rng((*self.seed, index)),
            width=self.size[0],
            height=self.size[1],
            target_stride=TARGET_STRIDE,
        )
        return torch.from_numpy(image), torch.from_numpy(target)


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def batches(frames: AugmentedFrames, *, batch: int, workers: int) -> DataLoader:
    """Batches in the frames' order; a last incomplete one is left out."""
    return DataLoader(
        frames,
        batch_size=batch,
        num_workers=workers,
        drop_last=True,
        worker_init_fn=_one_thread,
        prefetch_factor=4 if workers else None,
    )
