# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT's builder: from the bytes of an .onnx file to the bytes of a plan.

It runs in a process of its own (build_process.py), because it may crash, or take all memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.engines.base import BuildProgress, OnProgress
from drivseg_ros.engines.tensorrt_library import TensorRT
from drivseg_ros.engines.tensorrt_messages import explain_builder_error, explain_parser_error
from drivseg_ros.errors import EngineError, MissingDependencyError

OnLog = Callable[[str, bool], None]
"""Told each line of the builder's log, and whether it is an error."""

# tensorrt_rtx 1.7 has no bf16 kernels for them, and says so only in the middle of a build.
_NO_BF16 = ('ConvTranspose',)
_PARSING = 0.05
_SMALLEST_STEP = 0.002


@dataclass(frozen=True)
class BuildOptions:
    """What is built.

    Attributes:
        convert_to: 'fp16' or 'bf16' if the float32 graph is to be converted; '' runs it as it is.
        min_batch: the smallest batch; max_batch likewise.
        capability: what to build for, of `TensorRT.compute_capabilities`; '' is the GPU at hand,
            'any' what the library takes by itself.
        gpu: index of the GPU to build for.
        verbose: whether the log has every detail.
    """

    convert_to: str = ''
    min_batch: int = 1
    max_batch: int = 1
    capability: str = ''
    gpu: int = 0
    verbose: bool = False


def build_plan(
    model: bytes,
    library: TensorRT,
    options: BuildOptions,
    *,
    on_progress: OnProgress,
    on_log: OnLog,
) -> bytes:
    """Builds a plan.

    Raises:
        EngineError: if TensorRT cannot run the graph; the text names the node and the reason.
        ModelError: if the graph cannot be converted.
        MissingDependencyError: if the onnx package is missing.
    """
    trt = library.module
    errors: list[str] = []

    def collect(text: str, is_error: bool) -> None:
        if is_error:
            errors.append(text)
        on_log(text, is_error)

    on_progress(BuildProgress(f'{library.name} reads the model', 0.0))
    model, nodes = _prepare(model, options, on_log)
    if options.capability == '':
        _select_gpu(options.gpu)
    logger = _make_logger(trt, collect, options.verbose)
    try:
        builder = trt.Builder(logger)
    except TypeError:  # what pybind11 raises for a null pointer
        raise EngineError(_no_builder(library, errors)) from None
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        reason = (
            explain_parser_error(parser.get_error(0))
            if parser.num_errors
            else explain_builder_error(errors, nodes)
        )
        raise EngineError(f'{library.name} {library.version} cannot run this model: {reason}')
    config = builder.create_builder_config()
    monitor = _make_monitor(trt, library.name, on_progress)
    config.progress_monitor = monitor
    if options.capability not in ('', 'any'):
        config.num_compute_capabilities = 1
        number = library.compute_capabilities[options.capability]
        config.set_compute_capability(trt.ComputeCapability(number), 0)
    elif options.capability == '' and hasattr(trt, 'ComputeCapability'):
        config.num_compute_capabilities = 1
        config.set_compute_capability(trt.ComputeCapability.CURRENT, 0)
    _set_batch(builder, network, config, options)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        reason = explain_builder_error(errors, nodes)
        raise EngineError(f'{library.name} {library.version} cannot build this model: {reason}')
    return bytes(plan)


def _prepare(
    model: bytes, options: BuildOptions, on_log: OnLog
) -> tuple[bytes, list[tuple[str, str]]]:
    """The graph in its precision and the form that TensorRT takes; its nodes, named and typed."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f'building a plan needs the Python package {error.name!r}: {install_hint("models")}'
        ) from None
    from drivseg_ros.engines.graph_precision import convert_precision
    from drivseg_ros.engines.graph_quantised import (
        fold_int32_constants,
        is_asymmetric,
        make_symmetric,
    )

    try:
        proto = onnx.load_from_string(model)
    except DecodeError:
        raise EngineError('the model file is no ONNX; export or download it again') from None
    if options.convert_to:
        keep = _NO_BF16 if options.convert_to == 'bf16' else ()
        proto = convert_precision(proto, options.convert_to, keep=keep)
        model = proto.SerializeToString()
    elif any(node.op_type == 'DequantizeLinear' for node in proto.graph.node):
        if is_asymmetric(proto):
            on_log('drivseg: the activations were made signed and symmetric for TensorRT', False)
            proto = make_symmetric(proto)
        model = fold_int32_constants(proto).SerializeToString()
    return model, [(node.name, node.op_type) for node in proto.graph.node]


def _select_gpu(index: int) -> None:
    from drivseg_ros.engines.cuda_device import select_device

    select_device(index)


def _set_batch(builder: Any, network: Any, config: Any, options: BuildOptions) -> None:
    image = network.get_input(0)
    shape = tuple(image.shape)
    if shape[0] != -1:
        return
    profile = builder.create_optimization_profile()
    rest = shape[1:]
    # Tuned for the largest batch: all cameras, the case in which time is short.
    profile.set_shape(
        image.name, (options.min_batch, *rest), (options.max_batch, *rest),
        (options.max_batch, *rest),
    )  # fmt: skip
    config.add_optimization_profile(profile)


def _no_builder(library: TensorRT, errors: list[str]) -> str:
    reason = f' ({explain_builder_error(errors, ())})' if errors else ''
    return (
        f'{library.name} {library.version} cannot start its builder on this machine{reason}; '
        'check GPU and driver with: drivseg doctor'
    )


def _make_logger(trt: Any, on_log: OnLog, verbose: bool) -> Any:
    most = trt.ILogger.Severity.VERBOSE if verbose else trt.ILogger.Severity.INFO
    worst = trt.ILogger.Severity.ERROR

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, text: str) -> None:
            if int(severity) <= int(most):
                on_log(text, int(severity) <= int(worst))

    return Logger()


@dataclass
class _Phase:
    parent: str | None
    steps: int
    done: int = 0


@dataclass
class PhaseTree:
    """How far a build is, from the phases within phases that a progress monitor reports."""

    _phases: dict[str, _Phase] = field(default_factory=dict)
    _reached: float = 0.0

    def start(self, name: str, parent: str | None, steps: int) -> None:
        """A phase begins, within another one or at the top."""
        self._phases[name] = _Phase(parent if parent in self._phases else None, max(1, steps))

    def step(self, name: str, step: int) -> None:
        """A step of a phase, counted from 0, is done."""
        if name in self._phases:
            self._phases[name].done = step + 1

    def finish(self, name: str) -> None:
        """A phase is over."""
        self._phases.pop(name, None)

    @property
    def fraction(self) -> float:
        """0 to 1, never less than before."""
        tops = [name for name, phase in self._phases.items() if phase.parent is None]
        now = max((self._fraction_of(name) for name in tops), default=0.0)
        self._reached = max(self._reached, now)
        return self._reached

    def _fraction_of(self, name: str) -> float:
        phase = self._phases[name]
        inner = [self._fraction_of(n) for n, p in self._phases.items() if p.parent == name]
        return float(np.clip((phase.done + max(inner, default=0.0)) / phase.steps, 0, 1))


def _make_monitor(trt: Any, name: str, on_progress: OnProgress) -> Any:
    tree = PhaseTree()
    lock = threading.Lock()  # TensorRT calls from several threads
    reported = [0.0]

    def report(phase: str) -> None:
        fraction = _PARSING + (1 - _PARSING) * tree.fraction
        if fraction - reported[0] >= _SMALLEST_STEP:
            reported[0] = fraction
            on_progress(BuildProgress(f'{name}: {phase}', fraction))

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            with lock:
                tree.start(phase, parent, steps)
                report(phase)

        def step_complete(self, phase: str, step: int) -> bool:
            with lock:
                tree.step(phase, step)
                report(phase)
            return True

        def phase_finish(self, phase: str) -> None:
            with lock:
                tree.finish(phase)

    return Monitor()
