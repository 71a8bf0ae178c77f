# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a model file in float to an int8 model file that gives the same masks, or to a refusal."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx

from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.engines import EngineOptions, create_engine
from drivseg_ros.engines.base import default_threads
from drivseg_ros.engines.graph_quantised import make_symmetric
from drivseg_ros.errors import ModelError, ParameterError
from drivseg_ros.evaluation.parity.agreement import ParityBounds
from drivseg_ros.frames.source import ReadableFrames
from drivseg_ros.lab.importing.network import opset_of
from drivseg_ros.lab.quantising.card import int8_card, with_card, with_history
from drivseg_ros.lab.quantising.frames import prepared, require_frames, spread
from drivseg_ros.lab.quantising.sensitivity import Choice, OnStep, Sensitivity
from drivseg_ros.lab.quantising.static import StaticInt8, convolutions
from drivseg_ros.lab.quantising.verdict import Verdict, compare_forms
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.file import ModelFile, read_model_file
from drivseg_ros.segmenter import Segmenter

_CHOICE_FRAMES = 64
_MIN_OPSET = 13  # the first whose DequantizeLinear has a scale for each channel


@dataclass(frozen=True)
class Settings:
    """How a model is quantised.

    Args:
        keep_float: So many of the most sensitive layers stay in float; None: as many as it takes.
        bounds: What the result must keep to.
        threads: CPU threads; 0 leaves the choice to the engine.

    Raises:
        ParameterError: If keep_float is negative.
    """

    keep_float: int | None = None
    bounds: ParityBounds = field(default_factory=ParityBounds)
    threads: int = 0

    def __post_init__(self) -> None:
        if self.keep_float is not None and self.keep_float < 0:
            raise ParameterError(
                f'{self.keep_float} layers were to be kept in float; 0 or more are allowed'
            )


@dataclass(frozen=True, eq=False)
class Quantised:
    """An int8 model that is in no file yet.

    Attributes:
        model: The graph, its card inside.
        card: The card.
        layers: How many layers can be quantised.
        kept_float: Those of them that stay in float for their sensitivity.
        verdicts: By runtime.
    """

    model: onnx.ModelProto
    card: ModelCard
    layers: int
    kept_float: tuple[str, ...]
    verdicts: dict[str, Verdict]

    @property
    def failures(self) -> list[str]:
        """Why it must not be written, in words; empty if it may be."""
        return [
            f'{runtime}: {failure}'
            for runtime, verdict in self.verdicts.items()
            if verdict.decides
            for failure in verdict.failures
        ]


def quantise(
    source: ModelFile,
    calibration: ReadableFrames,
    evaluation: ReadableFrames,
    *,
    settings: Settings,
    on_step: OnStep = lambda what, done, total: None,
) -> Quantised:
    """Makes an int8 model and compares its masks with the source's.

    Args:
        source: A model in fp32.
        calibration: Frames to calibrate on.
        evaluation: Other frames, with labels of the model's classes or without.
        settings: How.
        on_step: Is called with the progress.

    Raises:
        ModelError: If the model cannot be quantised.
        DataError: If there are too few frames, or they cannot be used.
        EngineError: If a runtime fails.
    """
    graph = load_graph(source)
    require_frames(calibration, 'calibrate on')
    require_frames(evaluation, 'evaluate on')
    card = int8_card(source.card)
    with tempfile.TemporaryDirectory(prefix='drivseg_quantize_') as folder:
        layers, choice = _choose(graph, source, calibration, settings, Path(folder), on_step)
        files = []
        for name, form in (('int8', choice.model), ('symmetric', make_symmetric(choice.model))):
            path = Path(folder) / f'{name}.onnx'
            path.write_bytes(with_card(form, card).SerializeToString())
            files.append(read_model_file(path))
        verdicts = compare_forms(
            source,
            files[0],
            files[1],
            evaluation,
            bounds=settings.bounds,
            threads=settings.threads,
            on_frame=lambda done, total: on_step('evaluating', done, total),
        )
    card = with_history(
        card,
        source,
        calibration=calibration,
        evaluation=evaluation,
        bounds=settings.bounds,
        layers=layers,
        kept_float=choice.kept_float,
        verdicts=verdicts,
    )
    return Quantised(with_card(choice.model, card), card, layers, choice.kept_float, verdicts)


def load_graph(source: ModelFile) -> onnx.ModelProto:
    """The graph of a model that can be quantised.

    Raises:
        ModelError: If it cannot be.
    """
    if source.is_checkpoint:
        raise ModelError(
            f'{source.path} is a checkpoint, and .onnx files are quantised; export it first'
        )
    graph = onnx.load(source.path)
    is_quantised = any(node.op_type == 'DequantizeLinear' for node in graph.graph.node)
    if source.card.precision != 'fp32' or is_quantised:
        precision = 'int8' if is_quantised else source.card.precision
        raise ModelError(
            f'{source.path} is {precision}; only fp32 models can be quantised: take the one that '
            'it was made of'
        )
    opset = opset_of(graph)
    if opset < _MIN_OPSET:
        raise ModelError(
            f'{source.path} is written in ONNX opset {opset}, and int8 needs {_MIN_OPSET} or '
            'later; export the network again'
        )
    if any(a.HasField('g') or a.graphs for node in graph.graph.node for a in node.attribute):
        raise ModelError(
            f'{source.path} has branches or loops, which quantisation does not look into; export '
            'the network for one fixed case'
        )
    if not convolutions(graph):
        raise ModelError(
            f'{source.path} has no convolutions with constant weights, so there is nothing to '
            'quantise; use it as it is'
        )
    return graph


def write_quantised(quantised: Quantised, output: Path) -> ModelFile:
    """Writes the file, whole or not at all.

    Raises:
        DataError: If it cannot be written.
    """
    with whole_file(output) as partial:
        partial.write_bytes(quantised.model.SerializeToString())
        read_model_file(partial)
    return read_model_file(output)


def _choose(
    graph: onnx.ModelProto,
    source: ModelFile,
    frames: ReadableFrames,
    settings: Settings,
    folder: Path,
    on_step: OnStep,
) -> tuple[int, Choice]:
    """How many layers can be quantised, and the network in int8 with some of them in float."""
    threads = settings.threads or default_threads()
    engine = create_engine('onnxruntime', source, EngineOptions(device='cpu', threads=threads))
    with Segmenter(engine) as segmenter:
        batches = [batch.copy() for batch in prepared(frames, segmenter)]
    require_frames(frames, 'calibrate on')  # some may have failed

    def calibrated() -> Iterator[np.ndarray]:
        for done, batch in enumerate(batches, start=1):
            on_step('calibrating', done, len(batches))
            yield batch

    maker = StaticInt8(graph, calibrated(), folder)
    wanted = settings.keep_float
    if wanted is not None and wanted >= len(maker.layers):
        raise ModelError(
            f'{wanted} layers were to be kept in float, and {source.path} has only '
            f'{len(maker.layers)} that can be quantised; keep fewer'
        )
    few = [batches[place] for place in spread(list(range(len(batches))), _CHOICE_FRAMES)]
    sensitivity = Sensitivity(maker, graph, few, threads=threads, on_step=on_step)
    if wanted is None:
        choice = sensitivity.choose(sensitivity.rank(), min_agreement=settings.bounds.min_agreement)
    else:
        choice = sensitivity.keep_float(sensitivity.rank()[:wanted] if wanted else [])
    return len(maker.layers), choice
