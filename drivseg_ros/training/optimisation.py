# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Optimiser and schedule of a recipe."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from drivseg_ros.training.recipe import Recipe

_MOMENTUM = 0.9


def create_optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """The optimiser over the network's parameters that are trained."""
    groups = parameter_groups(network, recipe.weight_decay)
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
        max_lr=recipe.learning_rate,
        total_steps=max(steps, 1),
        pct_start=ascent,
        anneal_strategy='cos',
    )


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for kernels, none for biases and normalisation.

    Without decay there is one group: fewer, larger steps of the optimiser.
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    if not weight_decay:
        return [{'params': parameters, 'weight_decay': 0.0}]
    kernels = [p for p in parameters if p.ndim > 1]
    others = [p for p in parameters if p.ndim <= 1]
    groups = [
        {'params': kernels, 'weight_decay': weight_decay},
        {'params': others, 'weight_decay': 0.0},
    ]
    return [group for group in groups if group['params']]
