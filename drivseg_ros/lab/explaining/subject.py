# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is explained: a checkpoint's network before an image, and what it says of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from drivseg_ros.errors import ModelError
from drivseg_ros.images.files import read_image
from drivseg_ros.images.resizing import Placement, place_image, restore_plane
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.file import CHECKPOINT_SUFFIX, read_model_file
from drivseg_ros.networks.checkpoint import load_network
from drivseg_ros.networks.layers import resize
from drivseg_ros.networks.normalisation import normalise


@dataclass(frozen=True, eq=False)
class Subject:
    """A network before an image.

    Args:
        network: in evaluation mode; its parameters take no gradients.
        architecture: its name in the registry.
        card: its card.
        image: uint8 [H, W, 3] RGB.
        planes: the network's input, float32 [1, 3, height, width].
        placement: where the image lies in it.
        predicted: the classes at the network's size, uint8 [height, width].
    """

    network: nn.Module
    architecture: str
    card: ModelCard
    image: np.ndarray
    planes: Tensor
    placement: Placement
    predicted: np.ndarray

    @classmethod
    def of(
        cls, network: nn.Module, card: ModelCard, image: np.ndarray, *, architecture: str
    ) -> Subject:
        """Runs the network on an image, uint8 [H, W, 3] RGB."""
        network = network.eval().requires_grad_(False)
        placement = Placement.of(card, image_width=image.shape[1], image_height=image.shape[0])
        target = np.empty((card.input_height, card.input_width, 3), np.uint8)
        place_image(image, target, placement)
        planes = normalise(torch.from_numpy(target[None]))
        with torch.no_grad():
            probabilities = torch.softmax(network(planes), dim=1)
        # As `DeployedNetwork` does: interpolate the probabilities, and take the winner then.
        winner = resize(probabilities, card.input_height, card.input_width).argmax(1)[0]
        predicted = winner.numpy().astype(np.uint8)
        return cls(network, architecture, card, image, planes, placement, predicted)

    @property
    def class_ids(self) -> np.ndarray:
        """The classes at the image's size, uint8 [H, W]."""
        return restore_plane(self.predicted, self.image.shape[:2], self.placement)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the network's input."""
        return self.card.input_width, self.card.input_height

    def class_id(self, name: str) -> int:
        """The id of a class.

        Raises:
            ModelError: if the network has no such class.
        """
        if name not in self.card.class_names:
            raise ModelError(
                f'{self.card.name} has no class {name!r}; it has {", ".join(self.card.class_names)}'
            )
        return self.card.class_names.index(name)

    def predicted_as(self, class_id: int) -> np.ndarray:
        """The image's pixels of a class in the network's input, bool [height, width]."""
        mask = np.zeros(self.predicted.shape, bool)
        inside = (self.placement.rows, self.placement.columns)
        mask[inside] = self.predicted[inside] == class_id
        return mask


def load_subject(model: Path, image: Path) -> Subject:
    """Puts a checkpoint's network before a picture.

    Raises:
        ModelError: if it is no checkpoint, or cannot be used.
        DataError: if the picture cannot be read.
    """
    if model.suffix != CHECKPOINT_SUFFIX:
        raise ModelError(
            f'{model} cannot be explained: a model file (.onnx) has no gradients and no inner '
            f'layers to look at; give the checkpoint ({CHECKPOINT_SUFFIX}) that it was exported '
            'from'
        )
    pixels = read_image(image)
    file = read_model_file(model)
    return Subject.of(load_network(file), file.card, pixels, architecture=file.architecture)
