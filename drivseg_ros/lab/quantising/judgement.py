# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a quantised model still gives the masks of the one it was made of, and how much faster.

It is judged on every CPU runtime that is installed, because each fuses integers and floats in its
own way. The form that TensorRT gets is judged on onnxruntime and decides nothing.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from drivseg_ros.engines import EngineOptions, create_engine
from drivseg_ros.evaluation.parity.agreement import Comparison, ParityBounds, ParityResult
from drivseg_ros.frames.evaluated import Frames
from drivseg_ros.model.file import ModelFile
from drivseg_ros.segmenter import Segmenter

TENSORRT_FORM = 'tensorrt form'
_RUNTIMES = ('onnxruntime', 'openvino')
_ROUNDS = 10
_RUNS = 5  # in a round


@dataclass(frozen=True, eq=False)
class Judgement:
    """What one runtime makes of the quantised model.

    Attributes:
        result: the comparison with the float model on onnxruntime.
        failures: the bounds it breaks, in words.
        decides: whether a failure forbids to write the model.
    """

    result: ParityResult
    failures: tuple[str, ...]
    decides: bool


@dataclass(frozen=True)
class Speed:
    """Medians of runs that took turns, batch 1, the network alone.

    Attributes:
        float_ms: of the model it was made of.
        int8_ms: of the quantised one.
        threads: CPU threads.
    """

    float_ms: float
    int8_ms: float
    threads: int

    @property
    def ratio(self) -> float:
        """How many times faster int8 is."""
        return self.float_ms / self.int8_ms


def cpu_runtimes() -> list[str]:
    """The installed runtimes that int8 models are made for."""
    return [name for name in _RUNTIMES if importlib.util.find_spec(name) is not None]


def judge(
    source: ModelFile,
    quantised: ModelFile,
    tensorrt_form: ModelFile,
    frames: Frames,
    *,
    bounds: ParityBounds,
    threads: int,
    on_frame: Callable[[int, int], None],
) -> dict[str, Judgement]:
    """Runs all forms over the frames, once.

    Args:
        source: the model in float.
        quantised: made of it.
        tensorrt_form: the same with symmetric activations.
        frames: none that it was calibrated on.
        bounds: what is close enough.
        threads: CPU threads.
        on_frame: called with the frames done and the frames there are.

    Raises:
        DataError: if no frame can be decoded, or labels do not fit the model.
        EngineError: if a runtime fails.
    """
    forms = {name: (name, quantised) for name in cpu_runtimes()}
    forms[TENSORRT_FORM] = ('onnxruntime', tensorrt_form)
    with ExitStack() as stack:
        reference = stack.enter_context(_open('onnxruntime', source, threads))
        candidates = {
            name: stack.enter_context(_open(runtime, model, threads))
            for name, (runtime, model) in forms.items()
        }
        comparisons = {
            name: Comparison(source.card, with_labels=frames.has_labels) for name in forms
        }
        for done, frame in enumerate(frames, 1):
            wanted = reference.segment([frame.image], confidence=True)[0]
            for name, candidate in candidates.items():
                got = candidate.segment([frame.image], confidence=True)[0]
                comparisons[name].add(frame, reference=wanted, candidate=got)
            on_frame(done, len(frames))
    results = {name: comparison.result() for name, comparison in comparisons.items()}
    return {
        name: Judgement(result, tuple(bounds.failures(result)), decides=name != TENSORRT_FORM)
        for name, result in results.items()
    }


def measure_speed(
    source: ModelFile, quantised: ModelFile, image: np.ndarray, *, threads: int
) -> dict[str, Speed]:
    """How long both models take on each CPU runtime, in turns.

    Args:
        source: the model in float.
        quantised: made of it.
        image: uint8 [H, W, 3], any size.
        threads: CPU threads; 0 leaves the choice to the engines.

    Raises:
        EngineError: if a runtime fails.
    """
    return {
        name: _measure(name, {'float': source, 'int8': quantised}, image, threads)
        for name in cpu_runtimes()
    }


def _measure(
    runtime: str, models: Mapping[str, ModelFile], image: np.ndarray, threads: int
) -> Speed:
    times: dict[str, list[float]] = {name: [] for name in models}
    with ExitStack() as stack:
        opened = {
            name: stack.enter_context(_open(runtime, model, threads))
            for name, model in models.items()
        }
        batches = {name: segmenter.prepare([image]) for name, segmenter in opened.items()}
        for round_ in range(_ROUNDS + 1):
            for name, segmenter in opened.items():
                for _ in range(_RUNS):
                    started = time.perf_counter()
                    segmenter.engine.infer(batches[name], confidence=False)
                    if round_:  # the first one warms up
                        times[name].append(1e3 * (time.perf_counter() - started))
        used = opened['int8'].engine.threads
    return Speed(statistics.median(times['float']), statistics.median(times['int8']), threads=used)


def _open(runtime: str, model: ModelFile, threads: int) -> Segmenter:
    options = EngineOptions(device='cpu', threads=threads)
    return Segmenter(create_engine(runtime, model, options))
