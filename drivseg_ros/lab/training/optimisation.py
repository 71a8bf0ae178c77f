# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Optimiser and schedule of a recipe."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from drivseg_ros.errors import ParameterError
from drivseg_ros.lab.training.recipe import Recipe

_MOMENTUM = 0.9


def create_optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """The optimiser over the network's parameters that are trained."""
    groups = parameter_groups(network, recipe)
    rate = recipe.learning_rate
    if recipe.optimizer == 'adam':
        return torch.optim.Adam(groups, lr=rate)
    if recipe.optimizer == 'adamw':
        return torch.optim.AdamW(groups, lr=rate)
    return torch.optim.SGD(groups, lr=rate, momentum=_MOMENTUM, nesterov=True)


def create_schedule(optimizer: Optimizer, recipe: Recipe, steps: int) -> LRScheduler | None:
    """The schedule over a run of that many optimiser steps; None for a constant rate.

    One cycle (Smith and Topin, "Super-convergence", 2018) as torch has it: by cosine from 1/25 of
    the peak up to it, and down to 1/250,000; the momentum (Adam's first beta) goes the other way,
    from 0.95 to 0.85.
    """
    if recipe.schedule == 'constant':
        return None
    ascent = recipe.ascent
    if abs(ascent * steps - 1) < 1e-9:
        ascent += 1e-6  # a rise of exactly one step divides by its length less one
    return OneCycleLR(
        optimizer,
        max_lr=[group['lr'] for group in optimizer.param_groups],
        total_steps=max(steps, 1),
        pct_start=ascent,
        anneal_strategy='cos',
    )


def parameter_groups(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """The parameters by learning rate and weight decay.

    There is weight decay for kernels, none for biases and normalisation.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        # The longest name is the most exact one.
        parts = sorted((part for part in recipe.rates if belongs(name, part)), key=len)
        rate = recipe.learning_rate * (recipe.rates[parts[-1]] if parts else 1.0)
        decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [
        {'params': parameters, 'lr': rate, 'weight_decay': decay}
        for (rate, decay), parameters in groups.items()
    ]


def belongs(name: str, part: str) -> bool:
    """Whether a parameter or module lies in a part of the network."""
    return name == part or name.startswith(f'{part}.')


def check_part(network: nn.Module, part: str) -> None:
    """Refuses the name of a part that the network does not have.

    Raises:
        ParameterError: If it does not.
    """
    if part and any(name == part for name, _ in network.named_modules()):
        return
    names = [name for name, _ in network.named_modules() if name and name.count('.') <= 1]
    raise ParameterError(
        f'the recipe names the part {part!r}, which the network does not have; it has '
        f'{", ".join(names[:40])}'
    )
