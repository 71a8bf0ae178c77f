# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""onnxruntime on the CPU, or on an NVIDIA GPU where that build is installed."""

from __future__ import annotations

import numpy as np

from drivseg_ros.base.gpus import find_gpus
from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.engines.base import EngineOptions, OnProgress, default_threads, say_nothing
from drivseg_ros.engines.onnxruntime_session import (
    CPU,
    CUDA,
    BufferedSession,
    Providers,
    choose_gpu,
    cuda_options,
    first_line,
    has_provider,
    load_onnxruntime,
    open_session,
)
from drivseg_ros.engines.runtime import Description, Runtime
from drivseg_ros.errors import EngineError, MissingDependencyError, ModelError
from drivseg_ros.model.file import CLASS_IDS_NAME, CONFIDENCE_NAME, INPUT_NAME, ModelFile


class OnnxruntimeEngine:
    """Runs a model file with onnxruntime.

    Args:
        model: the model file.
        options: device 'auto' is 'cuda' where this build of onnxruntime has it and there is an
            NVIDIA GPU, else 'cpu'. A file is run in its own precision; on a GPU an fp32 file also
            in fp16. What CUDA has no kernel for runs on the CPU by onnxruntime's own design.

    Raises:
        EngineError: if the device or the precision is not available, or onnxruntime refuses
            the model.
        MissingDependencyError: if fp16 is to be made of an fp32 file without the package onnx.
    """

    name = 'onnxruntime'
    choice = ''

    def __init__(
        self, model: ModelFile, options: EngineOptions, _on_progress: OnProgress = say_nothing
    ) -> None:
        self.model = model
        self.threads = options.threads or default_threads()
        has_cuda = has_provider(CUDA) and bool(find_gpus())
        on_cpu = options.device == 'cpu' or (options.device == 'auto' and not has_cuda)
        gpu = None if on_cpu else choose_gpu(options.device, CUDA, self.name)
        self.device = 'cpu' if gpu is None else f'cuda:{gpu.index}'
        self.precision = _choose_precision(model, options.precision, on_cpu=on_cpu)
        converted = None
        if self.precision != model.card.precision:
            converted = _convert(model, self.precision)
        providers: Providers = [(CPU, {})]
        if gpu is not None:
            providers.insert(0, cuda_options(gpu, exact=self.precision == 'fp32'))
        self._session = open_session(
            model, providers, device=self.device, threads=self.threads, graph=converted
        )
        self._buffered: BufferedSession | None = None
        if gpu is not None:
            self._buffered = BufferedSession(self._session, model, 'cuda', gpu.index)

    def infer(self, batch: np.ndarray, *, confidence: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Runs the network; see `Engine.infer`."""
        confidence = confidence and self.model.has_confidence
        try:
            if self._buffered is not None:
                return self._buffered.run(batch, confidence=confidence)
            outputs = [CLASS_IDS_NAME, *([CONFIDENCE_NAME] if confidence else [])]
            results = self._session.run(outputs, {INPUT_NAME: batch})
        except Exception as error:  # onnxruntime raises a class of its own for each status code
            raise EngineError(f'onnxruntime failed: {first_line(error)}') from None
        return results[0], results[1] if confidence else None

    def close(self) -> None:
        """Frees buffers and session."""
        if self._buffered is not None:
            self._buffered.close()
        del self._session


def _choose_precision(model: ModelFile, wanted: str, *, on_cpu: bool) -> str:
    own = model.card.precision
    possible = [own] if on_cpu or own != 'fp32' else ['fp32', 'fp16']
    precision = own if wanted == 'auto' else wanted
    if precision not in possible:
        where = 'on the CPU ' if on_cpu else ''
        raise EngineError(
            f'precision {wanted!r} was asked for; onnxruntime runs a file {where}as it is, and '
            f"{model.path} is {own}; ask for 'auto' or {' or '.join(map(repr, possible))}, or take "
            'another file'
        )
    return precision


def _convert(model: ModelFile, precision: str) -> bytes:
    """The graph in another precision, as the bytes of an .onnx file."""
    try:
        import onnx

        from drivseg_ros.engines.graph_precision import convert_precision
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f'onnxruntime runs an fp32 file in {precision} with the Python package {error.name!r}, '
            f"which is not installed; {install_hint('models')}, or ask for precision 'auto'"
        ) from None
    try:
        graph = convert_precision(onnx.load_from_string(model.content), precision)
    except ModelError as error:
        raise EngineError(f'{model.path}: {error}') from None
    converted: bytes = graph.SerializeToString()
    return converted


def _describe() -> Description:
    library, with_cuda = load_onnxruntime(), has_provider(CUDA)
    gpus = [gpu.label for gpu in find_gpus()] if with_cuda else []
    return Description(
        f'{library.__version__} with{"" if with_cuda else "out"} CUDA', (*gpus, 'cpu')
    )


RUNTIME = Runtime(
    name='onnxruntime',
    packages=('onnxruntime',),
    extra='',
    precisions={'cpu': ('fp32', 'int8'), 'cuda': ('fp32', 'fp16', 'int8')},
    load=load_onnxruntime,
    describe=_describe,
    create=OnnxruntimeEngine,
    auto=('cuda', 'cpu'),
    note='comes with drivseg_ros; for `cuda`, onnxruntime-gpu in its place',
)
