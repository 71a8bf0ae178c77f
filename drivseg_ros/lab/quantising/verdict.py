# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a quantised model still gives the masks of the one it was made of.

It is evaluated on every CPU runtime that is installed, because each fuses integers and floats in
its own way. The form that TensorRT gets is evaluated on onnxruntime and decides nothing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from drivseg_ros.engines import EngineOptions, create_engine
from drivseg_ros.evaluation.network import RunNetwork
from drivseg_ros.evaluation.parity.agreement import ParityBounds, ParityResult
from drivseg_ros.evaluation.parity.sinks import Rival
from drivseg_ros.evaluation.run import evaluate
from drivseg_ros.evaluation.settings import PLAIN
from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.frames.labelled_frame import LostFrame
from drivseg_ros.frames.source import ReadableFrames
from drivseg_ros.model.file import ModelFile
from drivseg_ros.segmenter import Segmenter

TENSORRT_FORM = 'tensorrt form'
_RUNTIMES = ('onnxruntime', 'openvino')


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the quantised model is worth on one runtime.

    Attributes:
        result: The comparison with the float model on onnxruntime.
        failures: The bounds it breaks, in words.
        decides: Whether a failure forbids to write the model.
    """

    result: ParityResult
    failures: tuple[str, ...]
    decides: bool


def cpu_runtimes() -> list[str]:
    """The installed runtimes that int8 models are made for."""
    return [name for name in _RUNTIMES if importlib.util.find_spec(name) is not None]


def compare_forms(
    source: ModelFile,
    quantised: ModelFile,
    tensorrt_form: ModelFile,
    frames: ReadableFrames,
    *,
    bounds: ParityBounds,
    threads: int,
    on_frame: Callable[[int, int], None],
) -> dict[str, Verdict]:
    """Runs all forms over the frames, once.

    Args:
        source: The model in float.
        quantised: Made of it.
        tensorrt_form: The same with symmetric activations.
        frames: None that it was calibrated on.
        bounds: What is close enough.
        threads: CPU threads.
        on_frame: Is called with the frames done and the frames there are.

    Raises:
        DataError: If no frame can be decoded, or labels do not fit the model.
        EngineError: If a runtime fails.
    """
    forms = {name: (name, quantised) for name in cpu_runtimes()}
    forms[TENSORRT_FORM] = ('onnxruntime', tensorrt_form)
    with ExitStack() as stack:
        reference = stack.enter_context(_open('onnxruntime', source, threads))
        rivals = {
            name: Rival(stack.enter_context(_open(runtime, model, threads)), reference)
            for name, (runtime, model) in forms.items()
        }
        frames.failed = {}
        evaluate(
            frames.source,
            RunNetwork(reference),
            settings=PLAIN,
            sinks=[*rivals.values(), _Failed(frames)],
            on_frame=on_frame,
        )
    return {
        name: Verdict(
            rival.result, tuple(bounds.failures(rival.result)), decides=name != TENSORRT_FORM
        )
        for name, rival in rivals.items()
    }


class _Failed(Sink):
    """Notes which frames could not be read."""

    def __init__(self, frames: ReadableFrames) -> None:
        self._frames = frames

    def lose(self, frame: LostFrame) -> None:
        """See `Sink`."""
        self._frames.failed[frame.name] = frame.message


def _open(runtime: str, model: ModelFile, threads: int) -> Segmenter:
    options = EngineOptions(device='cpu', threads=threads)
    return Segmenter(create_engine(runtime, model, options))
