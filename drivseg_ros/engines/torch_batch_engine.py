# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Batches of the network's size through torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from drivseg_ros.engines.base import EngineOptions, default_threads
from drivseg_ros.engines.torch_device import TorchDevice
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import ModelFile
from drivseg_ros.networks.checkpoint import load_network
from drivseg_ros.networks.deployed import DeployedNetwork

_HALF = {'fp16': torch.float16, 'bf16': torch.bfloat16}
_BF16_CAPABILITY = (8, 0)  # Ampere; older ones only imitate it


class TorchBatchEngine:
    """Runs a checkpoint with torch, batch by batch.

    Args:
        model: the checkpoint.
        options: what is asked for; a half precision leaves normalisation and the choice of the
            class in float32. 'fp32' never is TF32.
        device: where to run.

    Raises:
        EngineError: if the precision is not available, or the checkpoint cannot be run.
    """

    name = 'torch'
    choice = ''

    def __init__(self, model: ModelFile, options: EngineOptions, *, device: torch.device) -> None:
        self.model = model
        self.device = str(device)
        self.precision = choose_precision(options.precision, device)
        self.threads = options.threads or default_threads()
        self._device = TorchDevice(device, threads=self.threads)
        with self._device.use():
            self._network = make_network(model, self.precision).to(device)

    def infer(self, batch: np.ndarray, *, confidence: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Runs the network; see `Engine.infer`."""
        self._check_batch(batch)
        with self._device.use():
            ids, levels = self._network(torch.from_numpy(batch))
            return ids.numpy(), levels.numpy() if confidence else None

    def time_network(self, batch_size: int, runs: int) -> list[float]:
        """How long the bare network takes, its input being on the device already.

        Args:
            batch_size: so many images; the first run, which sets things up, is not counted.
            runs: how often.

        Returns:
            Milliseconds, one a run.

        Raises:
            EngineError: if torch fails.
        """
        card = self.model.card
        with self._device.use():
            images = self._device.buffer(batch_size, card.input_height, card.input_width, 3)
            run = self._device.record(lambda: self._run_network(images))
            run()
            return self._device.time(run, runs)

    def close(self) -> None:
        """Frees the network and the device's memory."""
        del self._network
        self._device.release()

    def _run_network(self, images: Tensor) -> None:
        self._network(images)

    def _check_batch(self, batch: np.ndarray) -> None:
        size = (self.model.card.input_height, self.model.card.input_width, 3)
        if batch.dtype != np.uint8 or batch.shape[1:] != size or not len(batch):
            raise EngineError(
                f'torch failed: the batch is {batch.dtype} {list(batch.shape)}; '
                f'{self.model.path} takes uint8 [N, {", ".join(map(str, size))}]'
            )


def choose_precision(wanted: str, device: torch.device) -> str:
    """The precision to run a checkpoint in.

    Args:
        wanted: as in `EngineOptions`.
        device: where it shall run.

    Raises:
        EngineError: if the device does not have it.
    """
    precision = 'fp32' if wanted == 'auto' else wanted
    if precision != 'fp32' and precision not in _HALF:
        allowed = 'fp32, bf16' if device.type == 'cpu' else 'fp32, fp16, bf16'
        raise EngineError(
            f'precision {wanted!r} was asked for, but torch runs checkpoints on {device} in '
            f"{allowed}; ask for 'auto' or one of these"
        )
    if precision == 'fp16' and device.type == 'cpu':
        raise EngineError(
            "precision 'fp16' is for GPUs: CPUs only imitate it. Ask for 'bf16' or 'fp32', or for "
            "device 'cuda'"
        )
    if precision == 'bf16' and device.type == 'cuda':
        capability = torch.cuda.get_device_capability(device)
        if capability < _BF16_CAPABILITY:
            raise EngineError(
                f"precision 'bf16' needs an NVIDIA GPU of compute capability 8.0, and {device} "
                f'({torch.cuda.get_device_name(device)}) has {capability[0]}.{capability[1]}; ask '
                "for 'fp16' or 'fp32'"
            )
    return precision


def make_network(model: ModelFile, precision: str) -> DeployedNetwork:
    """The network of a checkpoint, ready for inference.

    Args:
        model: the checkpoint.
        precision: 'fp32', or a half type, in which everything runs but normalisation and the
            choice of the class.

    Raises:
        ModelError: if the checkpoint cannot be run.
        MissingDependencyError: if its architecture needs a library that is not installed.
    """
    network = load_network(model)
    card = model.card
    deployed = DeployedNetwork(network, width=card.input_width, height=card.input_height)
    _fold_batch_norms(deployed.network)
    if precision in _HALF:
        deployed.network = _InHalf(deployed.network, _HALF[precision])
    deployed.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return deployed.eval()


class _InHalf(nn.Module):
    """A network in a half type that looks like float32 from outside."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self._network = network.to(dtype)
        self._dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        return self._network(x.to(self._dtype)).float()


def _fold_batch_norms(network: nn.Module) -> None:
    """Folds every batch norm into the convolution just before it in a Sequential, in place."""
    for module in list(network.modules()):
        if not isinstance(module, nn.Sequential):
            continue
        for at in range(len(module) - 1):
            convolution, norm = module[at], module[at + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module[at] = fuse_conv_bn_eval(convolution, norm)
                module[at + 1] = nn.Identity()
