# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The onnxruntime engine behind a gate, so that a test decides when inference happens."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import numpy as np

from drivseg_ros.engines.base import BuildProgress, EngineOptions, OnProgress
from drivseg_ros.engines.onnxruntime_engine import RUNTIME as ONNXRUNTIME
from drivseg_ros.engines.onnxruntime_engine import OnnxruntimeEngine
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import ModelFile

OPEN = threading.Event()  # inference goes on only while it is set
DEVICES: list[str] = []  # what engines that are made say they run on, if it is not true
BATCHES: list[int] = []  # the size of every batch that came to the gate
CLOSED: list[str] = []  # the names of the models whose engines were closed
FAILURES: list[Exception] = []  # raised by the next batches, one each
BUILT = threading.Event()  # an engine that is made waits for it, and says that it builds


def reset() -> None:
    OPEN.set()
    BUILT.set()
    for record in (DEVICES, BATCHES, CLOSED, FAILURES):
        record.clear()


def create(model: ModelFile, options: EngineOptions, on_progress: OnProgress) -> GatedEngine:
    if not BUILT.is_set():
        on_progress(BuildProgress('building a plan', 0.42))
        BUILT.wait(30)
    return GatedEngine(model, options)


class GatedEngine(OnnxruntimeEngine):
    """An engine as it is, but for the gate."""

    def __init__(self, model: ModelFile, options: EngineOptions) -> None:
        super().__init__(model, options)
        if DEVICES:
            self.device = DEVICES[0]

    def infer(self, batch: np.ndarray, *, confidence: bool) -> Any:
        BATCHES.append(len(batch))
        OPEN.wait(30)
        if FAILURES:
            raise FAILURES.pop(0)
        return super().infer(batch, confidence=confidence)

    def close(self) -> None:
        CLOSED.append(self.model.card.name)
        super().close()


RUNTIME = dataclasses.replace(ONNXRUNTIME, create=create)


def engine_error() -> EngineError:
    return EngineError('the engine is on fire')
