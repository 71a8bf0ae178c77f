# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: AdamW, one cycle, a running mean of the weights, resumable by epoch."""

from __future__ import annotations

import copy
import ctypes
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from drivseg_ros.models.normalisation import normalise
from drivseg_ros.training.cache import CachedFrames
from drivseg_ros.training.loader import AugmentedFrames, batches
from drivseg_ros.training.loss import segmentation_loss
from drivseg_ros.training.recipe import Recipe
from drivseg_ros.training.state import load_state, save_state


@dataclass(frozen=True)
class EpochReport:
    """What one epoch did: its number from 1, mean loss, images a second, seconds, image size."""

    epoch: int
    loss: float
    images_per_second: float
    seconds: float
    width: int
    height: int


class Trainer:
    """Trains a network by a recipe.

    Args:
        network: Takes float [N, 3, H, W]; in training mode gives logits or a tuple of them.
        recipe: The run.
        sources: Cached frames by name.
        folder: Where the state is kept after every epoch; a state found there is continued.
        workers: Processes that augment.
        device: A torch device.

    Raises:
        ParameterError: If a state is there that belongs to another network.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        sources: Mapping[str, CachedFrames],
        *,
        folder: Path,
        workers: int = 1,
        device: str = 'cpu',
    ) -> None:
        self.recipe = recipe
        self.sources = sources
        self.workers = workers
        self.device = torch.device(device)
        self.state_path = folder / 'state.safetensors'
        # Channels last is the fastest layout of convolutions on CPUs.
        self.network = network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network).eval()
        for parameter in self.average.parameters():
            parameter.requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            _parameter_groups(self.network, recipe.weight_decay), lr=recipe.learning_rate
        )
        self.epoch = 0
        self.step = 0
        self.seconds = 0.0
        folder.mkdir(parents=True, exist_ok=True)
        if self.state_path.is_file():
            self._resume()

    def run(self, after_epoch: Callable[[EpochReport], None]) -> nn.Module:
        """Train to the end of the recipe; `after_epoch` is called behind every epoch.

        Returns:
            The network with the running mean of the weights, in evaluation mode.
        """
        while self.epoch < self.recipe.epochs:
            report = self._run_epoch()
            self._save()
            after_epoch(report)
        return self.average

    def _run_epoch(self) -> EpochReport:
        stage = self.recipe.stage_of(self.epoch)
        frames = AugmentedFrames(
            self.sources,
            self.recipe.samples,
            stage.augmentation,
            width=stage.width,
            height=stage.height,
            seed=self.recipe.seed,
            epoch=self.epoch,
        )
        start = time.monotonic()
        self.network.train()
        total, steps = 0.0, 0
        for images, targets in batches(frames, batch=stage.batch, workers=self.workers):
            total += self._train_step(images, targets, stage.rate)
            steps += 1
        elapsed = time.monotonic() - start
        self.seconds += elapsed
        self.epoch += 1
        return EpochReport(
            epoch=self.epoch,
            loss=total / max(steps, 1),
            images_per_second=steps * stage.batch / elapsed,
            seconds=elapsed,
            width=stage.width,
            height=stage.height,
        )

    def _train_step(self, images: torch.Tensor, targets: torch.Tensor, rate: float) -> float:
        for group in self.optimizer.param_groups:
            group['lr'] = rate * learning_rate(self.recipe, self.step)
        outputs = self.network(normalise(images.to(self.device)))
        loss = segmentation_loss(outputs, targets.to(self.device).long())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.step += 1
        # Early on the mean follows closely, so that it does not drag the first weights along.
        update_average(
            self.average, self.network, min(self.recipe.average, self.step / (self.step + 10))
        )
        return float(loss.detach())

    @property
    def _networks(self) -> dict[str, nn.Module]:
        return {'network': self.network, 'average': self.average}

    def _save(self) -> None:
        progress = {'epoch': self.epoch, 'step': self.step, 'seconds': self.seconds}
        save_state(self.state_path, self._networks, self.optimizer, progress)

    def _resume(self) -> None:
        progress = load_state(self.state_path, self._networks, self.optimizer)
        self.epoch, self.step = int(progress['epoch']), int(progress['step'])
        self.seconds = progress['seconds']


def learning_rate(recipe: Recipe, step: int) -> float:
    """Learning rate of a step: linear up to the peak, then half a cosine down to zero."""
    progress = min(1.0, step / max(1, recipe.steps))
    if progress < recipe.warm_up:
        return recipe.learning_rate * max(progress / recipe.warm_up, 0.01)
    fall = (progress - recipe.warm_up) / (1 - recipe.warm_up)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * fall))


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move a running mean towards the network; batch norm's statistics go the same way."""
    own = average.state_dict()
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            own[name].lerp_(value, 1 - decay)
        else:
            own[name].copy_(value)


def keep_freed_memory() -> None:
    """Tell glibc to keep freed memory instead of giving it back to the system after each step.

    Activations are tens of megabytes; by default glibc maps and unmaps each of them, and the
    page faults made training at 640x360 on a CPU two and a half times slower. Does nothing
    where the C library has no mallopt.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is None:
        return
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # names in malloc.h without the M_
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(top_pad, 2**28)


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weight decay for kernels, none for biases and batch norm."""
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {'params': kernels, 'weight_decay': weight_decay},
        {'params': others, 'weight_decay': 0.0},
    ]
