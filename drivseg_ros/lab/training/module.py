# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What Lightning trains: the network with its losses, and its metrics on the validation frames."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from drivseg_ros.errors import TrainingError
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.lab.training.averaging import averaged_copy, update_average
from drivseg_ros.lab.training.frames import Batch
from drivseg_ros.lab.training.lightning_library import pl
from drivseg_ros.lab.training.losses.distillation import DistillationLoss
from drivseg_ros.lab.training.losses.heads import DeepSupervision, upsample
from drivseg_ros.lab.training.optimisation import check_part, create_optimizer, create_schedule
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.validation import ValidationSums, join_metrics
from drivseg_ros.networks.normalisation import normalise


class SegmentationModule(pl.LightningModule):
    """A network in training.

    Args:
        network: Float [N, 3, H, W] to logits, in training mode those of auxiliary heads as well.
        recipe: The run.
        loss: What `create_loss` gives.
        sets: What the codes of targets mean.
        titles: Names of the validation sets.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        loss: nn.Module,
        sets: LabelSets,
        titles: tuple[str, ...],
    ) -> None:
        super().__init__()
        for part in (*recipe.freeze, *recipe.rates):
            check_part(network, part)
        if recipe.channels_last:
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network = network
        self.average = averaged_copy(network) if recipe.average else None
        self.loss = DeepSupervision(loss, auxiliary_weight=recipe.auxiliary_weight)
        self.distillation = DistillationLoss()
        self.recipe = recipe
        self.sets = sets
        self.titles = titles
        self.sums: tuple[ValidationSums, ...] = ()
        self.metrics: dict[str, float] = {}
        self.train_loss = float('nan')
        self.rate = float('nan')
        self._losses: list[Tensor] = []
        self._steps_before = 0

    @property
    def chosen(self) -> nn.Module:
        """The network that is validated and kept: the mean of the weights where there is one."""
        return self.network if self.average is None else self.average

    def configure_optimizers(self) -> Any:
        """See `optimisation`."""
        optimizer = create_optimizer(self.network, self.recipe)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = create_schedule(optimizer, self.recipe, steps)
        if schedule is None:
            return optimizer
        return {
            'optimizer': optimizer,
            'lr_scheduler': {'scheduler': schedule, 'interval': 'step'},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Makes the state one of an epoch that has ended.

        It is written by a hook of the epoch, which Lightning counts as completed only behind it.
        """
        for progress in checkpoint['loops']['fit_loop']['epoch_progress'].values():
            progress['completed'] = progress['processed']

    def on_train_start(self) -> None:
        """Lets a run that goes on begin its epoch like any other.

        Lightning would look for the place in the epoch where the state was written, and leaves out
        or repeats hooks on the way; ours are written between two epochs.
        """
        self.trainer.fit_loop.restarting = False

    def on_train_epoch_start(self) -> None:
        """Forgets the last epoch's losses; freezes or frees the parts that the recipe names."""
        self._losses = []
        frozen = self.current_epoch < self.recipe.freeze_epochs
        for part in self.recipe.freeze:
            module = self.network.get_submodule(part)
            module.requires_grad_(not frozen).train(not frozen)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Makes chance in the step (dropout) depend on nothing but the recipe and its place."""
        place = (self.recipe.seed, self.current_epoch, batch_idx, self.global_rank, 3)
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1)[0]))
        self._steps_before = self.global_step

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a batch."""
        outputs = self.network(normalise(batch['image']))
        target = batch['target']
        loss = self.loss(outputs, target, self.sets)
        if 'hint_codes' in batch:
            logits = outputs if isinstance(outputs, Tensor) else outputs[0]
            logits = upsample(logits, target.shape[-2:])
            for i, teacher in enumerate(self.recipe.teachers):
                hints = (batch[name][:, i : i + 1] for name in ('hint_codes', 'hint_confidence'))
                labels = None if teacher.everywhere else target
                loss = loss + teacher.weight * self.distillation(
                    logits, *hints, self.sets, target=labels
                )
        if not torch.isfinite(loss):
            raise TrainingError(
                f'the loss is {float(loss.detach())} in epoch {self.current_epoch + 1}, step '
                f'{batch_idx + 1}; the checkpoints of the epochs before are kept. Try a lower '
                'learning_rate, a clip such as 1, or precision 32'
            )
        self._losses.append(loss.detach())
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Moves the mean of the weights, after every step of the optimiser."""
        if self.average is not None and self.global_step > self._steps_before:
            update_average(
                self.average, self.network, decay=self.recipe.average, step=self.global_step
            )

    def on_validation_epoch_start(self) -> None:
        """Starts the sums, with one network on all devices."""
        self.sums = tuple(ValidationSums(self.sets, self.device) for _ in self.titles)
        if self.trainer.world_size > 1:
            # Each device has batch statistics of its own frames; the first one's are kept.
            for value in self.chosen.buffers():
                torch.distributed.broadcast(value, 0)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Adds a batch to the sums, with probabilities as a model file interpolates them."""
        self.chosen.eval()
        logits = self.chosen(normalise(batch['image']))
        probabilities = torch.softmax(logits.float(), dim=1)
        probabilities = upsample(probabilities, batch['target'].shape[-2:])
        for index, sums in enumerate(self.sums):
            mine = batch['source'] == index
            if mine.any():
                sums.update(probabilities[mine], batch['target'][mine])

    def on_validation_epoch_end(self) -> None:
        """Reads the metrics off the sums."""
        for sums in self.sums:
            sums.reduce()
        self.metrics = join_metrics(
            {t: s.metrics(self.recipe.classes) for t, s in zip(self.titles, self.sums, strict=True)}
        )

    def on_train_epoch_end(self) -> None:
        """Closes the epoch; refuses to keep weights that are no numbers any more."""
        self.train_loss = self._mean_loss()
        self.rate = float(self.trainer.optimizers[0].param_groups[0]['lr'])
        broken = [n for n, p in self.chosen.named_parameters() if not torch.isfinite(p).all()]
        if broken or math.isnan(self.metrics.get('dice_loss', math.nan)):
            what = f'{len(broken)} tensors are not finite' if broken else 'its loss is not a number'
            raise TrainingError(
                f'the network is of no use after epoch {self.current_epoch + 1}, where {what}; the '
                'checkpoints of the epochs before are kept. Try a lower learning_rate, or look '
                'whether the validation frames have labels of these classes'
            )

    def _mean_loss(self) -> float:
        total = torch.stack([loss.double() for loss in self._losses]).mean()
        if self.trainer.world_size > 1:
            torch.distributed.all_reduce(total)
            total /= self.trainer.world_size
        return float(total)
