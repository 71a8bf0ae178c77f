# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a model file in float to an int8 model file that gives the same masks, or to a refusal."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx

from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.engines import EngineOptions, create_engine
from drivseg_ros.engines.base import default_threads
from drivseg_ros.engines.graph_symmetric import make_symmetric
from drivseg_ros.errors import ModelError, ParameterError
from drivseg_ros.evaluation.parity.agreement import ParityBounds
from drivseg_ros.frames.evaluated import Frames
from drivseg_ros.lab.quantising.calibration import Observed, observe
from drivseg_ros.lab.quantising.card import int8_card, with_card, with_history
from drivseg_ros.lab.quantising.equalisation import equalise
from drivseg_ros.lab.quantising.frames import prepared, require_frames, spread
from drivseg_ros.lab.quantising.graph import Graph
from drivseg_ros.lab.quantising.judgement import Judgement, judge
from drivseg_ros.lab.quantising.qdq import write_int8
from drivseg_ros.lab.quantising.sensitivity import OnStep, Sensitivity
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.file import ModelFile, read_model_file
from drivseg_ros.segmenter import Segmenter

_CHOICE_FRAMES = 64


@dataclass(frozen=True)
class Settings:
    """How a model is quantised.

    Args:
        keep_float: so many of the most sensitive layers stay in float; None: as many as it takes.
        bounds: what the result must keep to.
        threads: CPU threads; 0 leaves the choice to the engine.

    Raises:
        ParameterError: if keep_float is negative.
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
        model: the graph, its card inside.
        card: the card.
        layers: how many convolutions the network has.
        kept_float: those that stay in float for their sensitivity.
        judgements: by runtime.
    """

    model: onnx.ModelProto
    card: ModelCard
    layers: int
    kept_float: tuple[str, ...]
    judgements: dict[str, Judgement]

    @property
    def failures(self) -> list[str]:
        """Why it must not be written, in words; empty if it may be."""
        return [
            f'{runtime}: {failure}'
            for runtime, judgement in self.judgements.items()
            if judgement.decides
            for failure in judgement.failures
        ]


def quantise(
    source: ModelFile,
    calibration: Frames,
    judged: Frames,
    *,
    settings: Settings,
    on_step: OnStep = lambda what, done, total: None,
) -> Quantised:
    """Makes an int8 model and judges it.

    Args:
        source: a model in fp32.
        calibration: frames to calibrate on.
        judged: other frames, with labels of the model's classes or without.
        settings: how.
        on_step: told of progress.

    Raises:
        ModelError: if the model cannot be quantised.
        DataError: if there are too few frames, or they cannot be used.
        EngineError: if a runtime fails.
    """
    graph = load_graph(source)
    require_frames(calibration, 'calibrate on')
    require_frames(judged, 'judge by')
    threads = settings.threads or default_threads()
    observed, batches = _observe(graph, source, calibration, threads, on_step)
    equalise(graph, observed)
    sensitivity = Sensitivity(graph, observed, batches, threads=threads, on_step=on_step)
    if settings.keep_float == 0:
        choice = sensitivity.keep_float([], 0)
    elif settings.keep_float is None:
        choice = sensitivity.choose(sensitivity.rank(), min_agreement=settings.bounds.min_agreement)
    else:
        choice = sensitivity.keep_float(sensitivity.rank(), settings.keep_float)
    in_float = {*choice.layers, *graph.outermost}
    int8 = [c.output for c in graph.convolutions if c.output not in in_float]
    if not int8:
        raise ModelError(
            f'{settings.keep_float} layers were to be kept in float, and {source.path} has no '
            'more that can be quantised; keep fewer'
        )
    model = write_int8(graph, observed, int8)
    card = int8_card(source.card)
    with tempfile.TemporaryDirectory(prefix='drivseg_quantize_') as folder:
        files = []
        for name, form in (('int8', model), ('symmetric', make_symmetric(model))):
            path = Path(folder) / f'{name}.onnx'
            path.write_bytes(with_card(form, card).SerializeToString())
            files.append(read_model_file(path))
        judgements = judge(
            source,
            files[0],
            files[1],
            judged,
            bounds=settings.bounds,
            threads=settings.threads,
            on_frame=lambda done, total: on_step('judging', done, total),
        )
    card = with_history(
        card,
        source,
        calibration=calibration,
        judged=judged,
        bounds=settings.bounds,
        convolutions=len(graph.convolutions),
        kept_float=[*sorted(graph.outermost), *choice.layers],
        judgements=judgements,
    )
    layers = len(graph.convolutions)
    return Quantised(with_card(model, card), card, layers, choice.layers, judgements)


def load_graph(source: ModelFile) -> Graph:
    """The graph of a model that can be quantised.

    Raises:
        ModelError: if it cannot be.
    """
    if source.is_checkpoint:
        raise ModelError(
            f'{source.path} is a checkpoint, and .onnx files are quantised; export it first'
        )
    graph = Graph(onnx.load(source.path))
    if source.card.precision != 'fp32' or graph.is_quantised:
        precision = 'int8' if graph.is_quantised else source.card.precision
        raise ModelError(
            f'{source.path} is {precision}; only fp32 models can be quantised: take the one that '
            'it was made of'
        )
    if not graph.can_be_quantised:
        raise ModelError(
            f'{source.path} is written in ONNX opset {graph.opset}, and int8 needs 13 or later; '
            'export the network again'
        )
    if graph.has_branches:
        raise ModelError(
            f'{source.path} has branches or loops, which quantisation does not look into; export '
            'the network for one fixed case'
        )
    if not any(c.output not in graph.outermost for c in graph.convolutions):
        raise ModelError(
            f'{source.path} has {len(graph.convolutions)} convolutions with constant weights, and '
            'the first and the last stay in float; there is nothing to quantise: use it as it is'
        )
    return graph


def write_quantised(quantised: Quantised, output: Path) -> ModelFile:
    """Writes the file, whole or not at all.

    Raises:
        DataError: if it cannot be written.
    """
    with whole_file(output) as partial:
        partial.write_bytes(quantised.model.SerializeToString())
        read_model_file(partial)
    return read_model_file(output)


def _observe(
    graph: Graph, source: ModelFile, frames: Frames, threads: int, on_step: OnStep
) -> tuple[dict[str, Observed], Sequence[np.ndarray]]:
    """The ranges of all tensors concerned, and some of the frames at the network's size."""
    tensors = sorted(
        {
            name
            for c in graph.convolutions
            for name in (c.source, c.output, c.result, graph.behind_activation(c))
        }
    )
    chosen = set(spread(list(range(len(frames))), _CHOICE_FRAMES))
    kept: list[np.ndarray] = []
    options = EngineOptions(device='cpu', threads=threads)
    with Segmenter(create_engine('onnxruntime', source, options)) as segmenter:

        def batches() -> Iterator[np.ndarray]:
            for place, batch in enumerate(prepared(frames, segmenter)):
                if place in chosen:
                    kept.append(batch.copy())
                yield batch
            require_frames(frames, 'calibrate on')  # some may have failed

        observed = observe(
            graph.model,
            tensors,
            batches(),
            threads=segmenter.engine.threads,
            on_frame=lambda done: on_step('calibrating', done, len(frames)),
        )
    return observed, kept
