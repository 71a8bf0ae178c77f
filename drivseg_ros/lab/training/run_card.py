# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The card of a network that a run made: what it is, what it was made of, and how good it is."""

from __future__ import annotations

import contextlib
import importlib.metadata
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from torch import nn

from drivseg_ros.base.environment import describe_hardware, describe_versions
from drivseg_ros.frames.spec import DATA
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_file import plain_recipe
from drivseg_ros.lab.training.sources import RunData
from drivseg_ros.lab.weights.pretrained import LoadedWeights
from drivseg_ros.model.card import ModelCard
from drivseg_ros.networks.layers import inference_parameters

_DISTRIBUTIONS = ('lightning', 'torchvision', 'segmentation-models-pytorch', 'timm')


class RunCard:
    """Makes the cards of a run's checkpoints.

    Args:
        recipe: The run.
        run: Its data.
        weights: Where its network started.
        network: The network.
        device: What it is trained on, in words.
    """

    def __init__(
        self,
        recipe: Recipe,
        run: RunData,
        weights: LoadedWeights,
        network: nn.Module,
        device: str,
    ) -> None:
        self.recipe = recipe
        self._facts: dict[str, Any] = {
            'data': {
                part: [
                    {
                        'set': s.source.title,
                        'frames': len(s.dataset),
                        'identity': s.dataset.identity,
                    }
                    for s in opened
                ]
                for part, opened in (('train', run.train), ('validation', run.validation))
            },
            'teachers': [
                {'model': t.model.card.name, 'sha256': t.model.sha256} for t in run.teachers
            ],
            'weights': {
                'source': str(weights.source),
                'license': weights.license,
                'sha256': weights.sha256,
            },
            'recipe': without_folders(plain_recipe(recipe)),
            'seed': recipe.seed,
            'parameters': inference_parameters(network),
            'device': device,
            'hardware': describe_hardware(),
            'versions': {**describe_versions(), **_training_versions()},
        }
        self._license = recipe.license or weights.license or ''

    def __call__(self, row: Mapping[str, float], seconds: float) -> ModelCard:
        """The card after an epoch.

        Args:
            row: The epoch's metrics.
            seconds: How long the run has trained.
        """
        left_out = ('epoch', 'step', 'learning_rate', 'train_loss', 'seconds', 'images_per_second')
        metrics = {
            name: None if math.isnan(value) else round(value, 5)
            for name, value in row.items()
            if name not in left_out
        }
        return ModelCard(
            name=self.recipe.name,
            classes=self.recipe.classes,
            input_width=self.recipe.width,
            input_height=self.recipe.height,
            architecture=self.recipe.architecture,
            description=self.recipe.description,
            license=self._license,
            provenance={
                **self._facts,
                'epoch': f'{int(row["epoch"])} of {self.recipe.epochs}',
                'training_seconds': round(seconds),
                'validation': metrics,
            },
        )


def _training_versions() -> dict[str, str]:
    versions = {}
    for name in _DISTRIBUTIONS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def without_folders(value: Any) -> Any:
    """Paths of this machine cut to their last name; those under the data folder stay."""
    if isinstance(value, Mapping):
        return {key: without_folders(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_folders(v) for v in value]
    if isinstance(value, str) and DATA not in value and value.startswith(('/', '~', '../')):
        return PurePath(value).name
    return value
