# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints and torch engines for tests; it is imported where torch is installed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tiny_model import tiny_card
from torch import Tensor, nn

from drivseg_ros.engines import EngineOptions
from drivseg_ros.engines.torch_image_engine import TorchImageEngine
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard
from drivseg_ros.model.file import ModelFile
from drivseg_ros.networks.checkpoint import save_checkpoint
from drivseg_ros.networks.deployed import DeployedNetwork
from drivseg_ros.networks.fast_scnn import FastSCNN
from drivseg_ros.networks.normalisation import DEVIATION, MEAN

STRONGEST_CHANNEL = 'strongest_channel'
"""The architecture of `write_tiny_checkpoint`; a test adds it to the registry."""
_STEPS = 64


class StrongestChannel(nn.Module):
    """The tiny model's network: the logits are the colour channels, of 64 steps a unit."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, _num_classes: int) -> None:
        super().__init__()
        self.register_buffer('mean', torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer('deviation', torch.tensor(DEVIATION).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.round(x * self.deviation + self.mean) / _STEPS


def write_tiny_checkpoint(path: Path, **changes: Any) -> Path:
    """A checkpoint that knows red from green from blue, as the tiny model does; see `tiny_card`."""
    card = tiny_card(**changes)
    return save_checkpoint(StrongestChannel(3), path, architecture=STRONGEST_CHANNEL, card=card)


def tiny_confidence(batch: np.ndarray) -> np.ndarray:
    """The confidence of the tiny checkpoint: the share of the winner after softmax, of 255."""
    logits = batch.astype(np.float64) / _STEPS
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return np.floor(255 / weights.sum(-1) + 0.5).astype(np.uint8)


def random_network(*, seed: int = 0) -> FastSCNN:
    """Random weights whose answers vary: every class occurs in noise."""
    torch.manual_seed(seed)
    network = FastSCNN(3, dropout=0.0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    noise = np.random.default_rng(8).integers(0, 256, (8, 64, 96, 3), np.uint8)
    x = torch.from_numpy(noise.astype(np.float32) / 64 - 2).permute(0, 3, 1, 2)
    with torch.no_grad():
        logits = network.train()(x)[0]
        network.classifier[-1].bias.sub_(logits.mean(dim=(0, 2, 3)))
    return network.eval()


def random_card(*, width: int = 96, height: int = 64) -> ModelCard:
    return ModelCard('random', BDD100K_CLASSES, width, height)


def write_random_checkpoint(path: Path, *, width: int = 96, height: int = 64) -> Path:
    """A checkpoint of `random_network`."""
    card = random_card(width=width, height=height)
    return save_checkpoint(random_network(), path, architecture='fast_scnn', card=card)


def rounded(network: nn.Module) -> nn.Module:
    """A copy whose weights, and whose layers' results, are rounded to bf16.

    It computes in float32, which every CPU does alike: its error is what bf16 itself costs.
    """
    network = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.bfloat16())
    for module in network.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda _m, _x, result: result.bfloat16().float())
    return network


def run_plain(network: nn.Module, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class ids and confidence of a network in float32, with nothing of the engine's."""
    deployed = DeployedNetwork(nn.Identity(), width=batch.shape[2], height=batch.shape[1])
    deployed.network = network
    with torch.inference_mode():
        ids, confidence = deployed.eval()(torch.from_numpy(batch))
    return ids.numpy(), confidence.numpy()


CPU = torch.device('cpu')
OUT_OF_MEMORY = (
    'CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 7.79 GiB of '
    'which 12.31 MiB is free. Of the allocated memory 7.10 GiB is allocated by PyTorch.'
)


def options(**changes: Any) -> EngineOptions:
    return EngineOptions(**{'device': 'cpu', **changes})


def random_batch(n: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, height, width, 3), np.uint8)


def image_engine(model: ModelFile, **changes: Any) -> TorchImageEngine:
    """The GPU's pipeline, on the CPU."""
    return TorchImageEngine(model, options(**changes), device=CPU)
