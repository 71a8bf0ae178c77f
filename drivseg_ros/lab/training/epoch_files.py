# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is written after every epoch, in an order that a kill at any moment does not disturb."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from drivseg_ros.lab.training.lightning_library import Checkpoint, pl
from drivseg_ros.lab.training.module import SegmentationModule
from drivseg_ros.lab.training.reporter import Reporter, Tracker
from drivseg_ros.lab.training.run_folder import RunFolder
from drivseg_ros.model.card import ModelCard
from drivseg_ros.networks.checkpoint import save_checkpoint

CardMaker = Callable[[dict[str, float], float], ModelCard]
"""The card of a network from the metrics of its epoch and the seconds of training."""


class EpochFiles(Checkpoint):
    """Writes checkpoints, metrics and the state of the run.

    The state comes last: if the run is killed before, it goes on from the epoch before, and
    writes the same files again.

    Args:
        folder: Where to.
        make_card: Makes the checkpoints' cards.
        reporter: Hears of steps and epochs.
        tracker: Hears of epochs.
    """

    def __init__(
        self, folder: RunFolder, make_card: CardMaker, reporter: Reporter, tracker: Tracker | None
    ) -> None:
        self.folder = folder
        self.make_card = make_card
        self.reporter = reporter
        self.tracker = tracker
        self.best = math.inf
        self.seconds = 0.0
        self.failure: BaseException | None = None
        self._start = self._trained = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """What a run that goes on must know."""
        return {'best': self.best, 'seconds': self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The reverse."""
        self.best = state_dict['best']
        self.seconds = state_dict['seconds']

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Keeps what ended the run: Lightning turns Ctrl-C into an exit."""
        self.failure = exception

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock."""
        self._start = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Reports the step."""
        self._trained = time.monotonic()
        if trainer.is_global_zero:
            steps = int(trainer.num_training_batches)
            self.reporter.step(trainer.current_epoch + 1, batch_idx + 1, steps)

    def on_train_epoch_end(
        self,
        trainer: pl.Trainer,
        pl_module: SegmentationModule,  # type: ignore[override]  # no other is trained with this
    ) -> None:
        """Writes everything; the network has been validated by now."""
        seconds = time.monotonic() - self._start
        self.seconds += seconds
        images = trainer.num_training_batches * pl_module.recipe.batch * trainer.world_size
        row = {
            'epoch': float(trainer.current_epoch + 1),
            'step': float(trainer.global_step),
            'learning_rate': pl_module.rate,
            'train_loss': pl_module.train_loss,
            **pl_module.metrics,
            'seconds': round(seconds, 3),
            'images_per_second': round(images / max(self._trained - self._start, 1e-6), 3),
        }
        is_best = pl_module.metrics['dice_loss'] < self.best
        self.best = min(self.best, pl_module.metrics['dice_loss'])
        if trainer.is_global_zero:
            card = self.make_card(row, self.seconds)
            if is_best:
                self._save(pl_module, card, best=True)
            self._save(pl_module, card, best=False)
            self.folder.add_row(row)
        trainer.save_checkpoint(self.folder.state)
        if trainer.is_global_zero:
            self.reporter.epoch(row, is_best)
            if self.tracker is not None:
                self.tracker.epoch(row)

    def _save(self, module: SegmentationModule, card: ModelCard, *, best: bool) -> None:
        path = self.folder.best if best else self.folder.last
        save_checkpoint(module.chosen, path, architecture=module.recipe.architecture, card=card)
