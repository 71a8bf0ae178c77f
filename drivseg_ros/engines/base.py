# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The protocol that every runtime fulfils (DESIGN.md, contract 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from drivseg_ros.errors import EngineError
from drivseg_ros.model_file import ModelFile

MAX_THREADS = 256


@dataclass(frozen=True)
class EngineOptions:
    """What the user asks of a runtime.

    Args:
        device: 'auto' (the best one the runtime has), 'cpu', 'cuda', 'cuda:1', ...
        precision: 'auto' (the model file's own), 'fp32', 'fp16', 'bf16' or 'int8'.
        threads: CPU threads; 0 leaves the choice to the engine.

    Raises:
        EngineError: if threads is out of range.
    """

    device: str = 'auto'
    precision: str = 'auto'
    threads: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.threads <= MAX_THREADS:
            raise EngineError(
                f'{self.threads} threads were asked for; 0 (the engine chooses) to {MAX_THREADS} '
                'are allowed'
            )


class Engine(Protocol):
    """A loaded network on a device. It owns its device, its buffers and its threads.

    It is used by one thread at a time. An engine that cannot have the device or precision asked
    for raises EngineError when it is made; it never takes another one, unless asked for 'auto'.
    """

    name: str
    """The runtime's name, e.g. 'onnxruntime'."""
    device: str
    """The device in use, e.g. 'cpu' or 'cuda:0'; never 'auto'."""
    precision: str
    """The arithmetic in use, e.g. 'fp32'; never 'auto'."""
    threads: int
    """CPU threads in use."""
    model: ModelFile

    def infer(self, batch: np.ndarray, *, confidence: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Runs the network.

        Args:
            batch: uint8 [N, H, W, 3] RGB, contiguous, H and W those of the card; N is
                `model.batch` where that is set.
            confidence: whether the confidence is wanted, too.

        Returns:
            class_ids uint8 [N, H, W], and confidence uint8 [N, H, W] if it is wanted and the
            model has it, else None. Both are valid until the next call.

        Raises:
            EngineError: if the runtime fails.
        """
        ...

    def close(self) -> None:
        """Gives device and memory back; `infer` must not be called afterwards."""
        ...
