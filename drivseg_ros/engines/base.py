# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The protocol that every engine fulfils."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from drivseg_ros.base.cpus import bound_cpus, usable_cpus
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import ModelFile

MAX_THREADS = 256
MAX_BATCH = 64


@dataclass(frozen=True)
class BuildProgress:
    """How far the building of an engine is.

    Attributes:
        step: what is being done, for a person.
        fraction: 0.0 to 1.0.
    """

    step: str
    fraction: float


OnProgress = Callable[[BuildProgress], None]
"""Called from the thread that makes the engine, only by engines that have something to build."""


def say_nothing(_progress: BuildProgress) -> None:
    """The OnProgress of those who do not ask."""


@dataclass(frozen=True)
class EngineOptions:
    """What the user asks of a runtime.

    Args:
        device: 'auto' (the best one the runtime has), 'cpu', 'cuda', 'cuda:1', ...
        precision: 'auto' (the model file's own), 'fp32', 'fp16', 'bf16' or 'int8'.
        threads: CPU threads; 0 leaves the choice to the engine.
        max_batch: the largest batch that `infer` will be given; engines with buffers or plans of
            fixed size make them for 1 up to this. A model of fixed batch is run in that.
        build: whether an engine that takes minutes to build may be built. If not, one that was not
            built before raises `NotBuiltError`.

    Raises:
        EngineError: if threads or max_batch is out of range.
    """

    device: str = 'auto'
    precision: str = 'auto'
    threads: int = 0
    max_batch: int = 1
    build: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.threads <= MAX_THREADS:
            raise EngineError(
                f'{self.threads} threads were asked for; 0 (the engine chooses) to {MAX_THREADS} '
                'are allowed'
            )
        if not 1 <= self.max_batch <= MAX_BATCH:
            raise EngineError(
                f'a largest batch of {self.max_batch} was asked for; 1 to {MAX_BATCH} are allowed'
            )


def default_threads() -> int:
    """Half of the CPUs, at most 4: a car's computer has other work to do.

    No more than a container may use; its limit leaves the rest to others already.
    """
    return min(max(1, min(4, bound_cpus() // 2)), usable_cpus())


class NotBuiltError(EngineError):
    """The engine has to be built first, and was not to be built now."""


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
    """The model file; `create_engine` gives its bytes up when the engine has loaded them."""
    choice: str
    """Why this engine, for a person: 'as asked for', or the reasons of 'auto'. It is set by
    `create_engine`."""

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


@runtime_checkable
class ImageEngine(Protocol):
    """An Engine that also resizes on its device, which the Segmenter then leaves to it.

    Each image goes up once, and each mask comes down once.
    """

    def segment(
        self, images: Sequence[np.ndarray], *, confidence: bool
    ) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Runs the network on images of any size.

        Args:
            images: uint8 [H, W, 3] RGB each, any sizes and strides, at most `max_batch`.
            confidence: whether the confidence is wanted, too.

        Returns:
            For each image, class_ids uint8 [H, W] and confidence uint8 [H, W] or None, resized
            as images/resizing.py does it. The caller owns them.

        Raises:
            EngineError: if the runtime fails.
        """
        ...
