# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames of a run as Lightning asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader

from drivseg_ros.frames.mixture import frames_per_epoch
from drivseg_ros.lab.training.augmentation import Augmentation
from drivseg_ros.lab.training.frames import (
    Batch,
    Frames,
    TrainingFrames,
    ValidationFrames,
    one_thread,
)
from drivseg_ros.lab.training.hints import Hints, ask_teachers
from drivseg_ros.lab.training.lightning_library import pl
from drivseg_ros.lab.training.order import EpochOrder
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_parts import asked
from drivseg_ros.lab.training.sources import RunData
from drivseg_ros.model.card import UNLABELLED, ModelClass, Role


class RoadData(pl.LightningDataModule):
    """Batches of a recipe's frames.

    Args:
        recipe: The recipe.
        run: Its data sets and teachers.
        cache: The folder where what teachers say, and decoded frames, are kept.
        cache_frames: Whether frames are kept there as well.
        workers: Processes that load frames.
        threads: CPU threads of the teachers.
        epoch: The first epoch, from 0.
        pin_memory: Whether batches go to a GPU.
    """

    def __init__(
        self,
        recipe: Recipe,
        run: RunData,
        *,
        cache: Path,
        cache_frames: bool = False,
        workers: int = 0,
        threads: int = 1,
        epoch: int = 0,
        pin_memory: bool = False,
    ) -> None:
        super().__init__()
        self.recipe = recipe
        self.run = run
        self.cache = cache
        self.cache_frames = cache_frames
        self.workers = workers
        self.threads = threads
        self.epoch = epoch
        self.pin_memory = pin_memory
        self.augment = Augmentation.from_spec(recipe.augmentation)
        self.lengths = [len(s.dataset) for s in run.train]
        weights = [s.source.weight for s in run.train]
        self.counts = frames_per_epoch(self.lengths, weights, recipe.samples)
        self.order(0, 1)  # refuses a batch that no epoch fills
        self._train: list[Frames] = []
        self._validation: list[Frames] = []

    def order(self, rank: int, world: int) -> EpochOrder:
        """The order of the training frames for one of several processes."""
        return EpochOrder(
            self.lengths,
            self.counts,
            seed=self.recipe.seed,
            batch=self.recipe.batch,
            rank=rank,
            world=world,
            epoch=self.epoch,
        )

    def prepare_data(self) -> None:
        """Fills the cache; Lightning calls it in one process, and the others wait."""
        self.setup('fit')

    def setup(self, stage: str) -> None:
        """Opens the frames, in every process."""
        self._train, self._validation = self._open_training(), self._open_validation()

    def _open_validation(self) -> list[Frames]:
        size = (self.recipe.width, self.recipe.height)
        frames = [Frames(s.dataset, s.mapping, size) for s in self.run.validation]
        return [f.with_cache(self.cache) for f in frames] if self.cache_frames else frames

    def _open_training(self) -> list[Frames]:
        frame_size = self.recipe.frame_size
        train = [Frames(s.dataset, s.mapping, frame_size) for s in self.run.train]
        if self.cache_frames:
            train = [frames.with_cache(self.cache) for frames in train]
        return [self._with_hints(place, frames) for place, frames in enumerate(train)]

    def _with_hints(self, place: int, frames: Frames) -> Frames:
        teachers = self.run.teachers
        chosen = tuple(asked(t.teacher, self.recipe.train)[place] for t in teachers)
        if not teachers:
            return frames
        answers = ask_teachers(
            lambda index: frames.read(index)[0],
            len(frames),
            [t for t, wanted in zip(teachers, chosen, strict=True) if wanted],
            self.cache,
            identity=frames.dataset.identity,
            size=frames.size,
            threads=self.threads,
        )
        return replace(frames, hints=Hints(answers, chosen))

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches in the epoch's order; a last incomplete one is left out."""
        frames = TrainingFrames(
            self._train,
            self.augment,
            width=self.recipe.width,
            height=self.recipe.height,
            target_stride=self.recipe.target_stride,
            covered=covered_code(self.recipe.classes),
        )
        order = self.order(*self._place())
        return DataLoader(frames, sampler=order, drop_last=True, **self._loading())

    def val_dataloader(self) -> DataLoader[Batch]:
        """All validation frames, each once; with limit_batches so many, of every set."""
        rank, world = self._place()
        limit = self.recipe.limit_batches * self.recipe.batch * world
        frames = ValidationFrames(self._validation, rank=rank, world=world, limit=limit)
        return DataLoader(frames, **self._loading())

    def some_validation(self, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Image and target of frames spread over the validation sets."""
        frames = ValidationFrames(self._open_validation())
        chosen = np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int)
        views = [frames[int(i)] for i in chosen]
        return [(view['image'].numpy(), view['target'].numpy()) for view in views]

    def _place(self) -> tuple[int, int]:
        """Which of how many processes this is."""
        if self.trainer is None:
            return 0, 1
        return self.trainer.global_rank, self.trainer.world_size

    def _loading(self) -> dict[str, Any]:
        return {
            'batch_size': self.recipe.batch,
            'num_workers': self.workers,
            'worker_init_fn': one_thread,
            'persistent_workers': self.workers > 0,
            'pin_memory': self.pin_memory,
        }


def covered_code(classes: Sequence[ModelClass]) -> int:
    """The code of what a drawn bonnet covers: the one class that is no road, or unlabelled."""
    none = [c.id for c in classes if c.role is Role.NONE]
    return none[0] if len(none) == 1 else UNLABELLED
