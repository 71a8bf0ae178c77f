# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Batches of the network's size through torch."""

from __future__ import annotations

import numpy as np
import torch

from drivseg_ros.engines.base import EngineOptions, default_threads
from drivseg_ros.engines.torch_device import TorchDevice
from drivseg_ros.engines.torch_network import choose_precision, load_network
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import ModelFile


class TorchBatchEngine:
    """Runs a model file with torch, batch by batch.

    Args:
        model: an .onnx file or a checkpoint.
        options: what is asked for; a half precision leaves normalisation and the choice of the
            class in float32. 'fp32' never is TF32.
        device: where to run.

    Raises:
        EngineError: if the precision is not to be had, or the file cannot be run in torch.
    """

    name = 'torch'
    choice = ''

    def __init__(self, model: ModelFile, options: EngineOptions, *, device: torch.device) -> None:
        self.model = model
        self.device = str(device)
        self.precision = choose_precision(model, options.precision, device)
        self.threads = options.threads or default_threads()
        self._device = TorchDevice(device, threads=self.threads)
        with self._device.use():
            self._network = load_network(model, self.precision, device)

    def infer(self, batch: np.ndarray, *, confidence: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Runs the network; see `Engine.infer`."""
        self._check_batch(batch)
        with self._device.use():
            ids, levels = self._network(torch.from_numpy(batch), confidence=confidence)
            return ids.numpy(), None if levels is None else levels.numpy()

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

    def _run_network(self, images: torch.Tensor) -> None:
        self._network(images, confidence=self.model.has_confidence)

    def _check_batch(self, batch: np.ndarray) -> None:
        card = self.model.card
        size = (card.input_height, card.input_width, 3)
        wanted = 'N' if self.model.batch is None else self.model.batch
        fits = (
            batch.dtype == np.uint8
            and batch.shape[1:] == size
            and len(batch) > 0
            and self.model.batch in (None, len(batch))
        )
        if not fits:
            raise EngineError(
                f'torch failed: the batch is {batch.dtype} {list(batch.shape)}; '
                f'{self.model.path} takes uint8 [{wanted}, {", ".join(map(str, size))}]'
            )
