# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""onnxruntime with its TensorRT execution provider, on NVIDIA GPUs.

TensorRT builds an engine when a model is first loaded, which takes minutes; onnxruntime keeps it in
`onnxruntime_tensorrt` in the cache folder. onnxruntime's own key knows neither the weights of the
model nor its own version, so each of our keys has a folder of its own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drivseg_ros.base.gpus import Gpu, find_gpus
from drivseg_ros.base.install_hint import pip_install
from drivseg_ros.engines.base import (
    BuildProgress,
    EngineOptions,
    NotBuiltError,
    OnProgress,
    default_threads,
)
from drivseg_ros.engines.onnxruntime_session import (
    CPU,
    TENSORRT,
    BufferedSession,
    choose_gpu,
    cuda_options,
    first_line,
    has_provider,
    load_onnxruntime,
    open_session,
)
from drivseg_ros.engines.plan_cache import PlanKey, cache_directory, check_private
from drivseg_ros.engines.runtime import Description, Runtime
from drivseg_ros.errors import EngineError, MissingDependencyError
from drivseg_ros.model.file import INPUT_NAME, ModelFile

# Of a file's own precision, what TensorRT may compute in.
_PRECISIONS = {'fp32': ('fp32', 'fp16'), 'fp16': ('fp16',), 'int8': ('int8',)}


class OnnxruntimeTensorrtEngine:
    """Runs a model file with onnxruntime's TensorRT execution provider.

    What TensorRT cannot run goes to CUDA, and what that cannot run to the CPU, by onnxruntime's
    own design. In fp32, TensorRT uses TF32 on GPUs that have it.

    Args:
        model: the model file.
        options: device 'auto' is the first GPU. The TensorRT engine takes batches of 1 to
            `max_batch`.
        on_progress: called when an engine is to be built or loaded.

    Raises:
        NotBuiltError: if nothing is kept of an earlier build, and `options.build` is False.
        EngineError: if device or precision is not available, or onnxruntime refuses the model.
    """

    name = 'onnxruntime_tensorrt'
    choice = ''

    def __init__(self, model: ModelFile, options: EngineOptions, on_progress: OnProgress) -> None:
        self.model = model
        self.threads = options.threads or default_threads()
        gpu = choose_gpu(options.device, TENSORRT, self.name)
        self.device = f'cuda:{gpu.index}'
        self.precision = _choose_precision(model, options.precision)
        self._max_batch = model.batch or options.max_batch
        folder = engine_folder(model, self.precision, gpu, self._max_batch)
        if not options.build and not any(folder.glob('*.engine')):
            raise NotBuiltError('no engine was built before (drivseg engine build makes one)')
        provider = (TENSORRT, tensorrt_options(model, self.precision, gpu, self._max_batch, folder))
        on_progress(BuildProgress('onnxruntime loads or builds the TensorRT engine (minutes)', 0.0))
        try:
            session = open_session(
                model,
                [provider, cuda_options(gpu, exact=self.precision == 'fp32'), (CPU, {})],
                device=self.device,
                threads=self.threads,
            )
        except EngineError as error:
            raise EngineError(
                f'{error}; if it is about a kept engine (of another TensorRT, or damaged), remove '
                f'{folder}'
            ) from None
        self._buffered = BufferedSession(session, model, 'cuda', gpu.index)

    def infer(self, batch: np.ndarray, *, confidence: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Runs the network; see `Engine.infer`."""
        if len(batch) > self._max_batch:
            raise EngineError(
                f'a batch of {len(batch)} images was given; this engine was made for at most '
                f'{self._max_batch} (max_batch)'
            )
        try:
            return self._buffered.run(batch, confidence=confidence and self.model.has_confidence)
        except Exception as error:  # onnxruntime raises a class of its own for each status code
            raise EngineError(f'onnxruntime with TensorRT failed: {first_line(error)}') from None

    def close(self) -> None:
        """Frees buffers and session."""
        self._buffered.close()


def engine_folder(model: ModelFile, precision: str, gpu: Gpu, max_batch: int) -> Path:
    """Where the engine is kept that was built for exactly this."""
    key = PlanKey(
        model_sha256=model.sha256,
        runtime='onnxruntime_tensorrt',
        runtime_version=load_onnxruntime().__version__,
        device=f'{gpu.name} {gpu.capability}',
        precision=precision,
        min_batch=model.batch or 1,
        max_batch=max_batch,
        height=model.card.input_height,
        width=model.card.input_width,
    )
    return cache_directory() / 'onnxruntime_tensorrt' / key.stem


def tensorrt_options(
    model: ModelFile, precision: str, gpu: Gpu, max_batch: int, folder: Path
) -> dict[str, str]:
    """The options of onnxruntime's TensorRT provider, all texts; it makes the folder.

    Raises:
        EngineError: if the folder cannot be made, or others may write it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            f'TensorRT engines cannot be kept in {folder}: {error.strerror or error}; make it '
            'writable, or set $DRIVSEG_CACHE to a folder that is'
        ) from None
    for place in (folder.parents[1], folder.parent, folder):
        check_private(place)
    options = {
        'device_id': str(gpu.index),
        'trt_engine_cache_enable': '1',
        'trt_engine_cache_path': str(folder),
        'trt_timing_cache_enable': '1',
        'trt_timing_cache_path': str(folder.parent),
        'trt_fp16_enable': str(int(precision in ('fp16', 'int8'))),
        'trt_int8_enable': str(int(precision == 'int8')),
    }
    if model.batch is None:
        size = f'{model.card.input_height}x{model.card.input_width}x3'
        for which, batch in (('min', 1), ('opt', max_batch), ('max', max_batch)):
            options[f'trt_profile_{which}_shapes'] = f'{INPUT_NAME}:{batch}x{size}'
    return options


def _choose_precision(model: ModelFile, wanted: str) -> str:
    own = model.card.precision
    precision = own if wanted == 'auto' else wanted
    possible = _PRECISIONS.get(own, ())
    if precision not in possible:
        raise EngineError(
            f'precision {wanted!r} was asked for, and {model.path} is {own}; onnxruntime_tensorrt '
            f'can run it in {", ".join(possible) or "no precision"}'
        )
    return precision


def _describe() -> Description:
    version = load_onnxruntime().__version__
    if not has_provider(TENSORRT):
        raise MissingDependencyError(
            f'this onnxruntime {version} has no {TENSORRT}; where there is an NVIDIA GPU: pip '
            f'uninstall onnxruntime, then {pip_install("onnxruntime-gpu")}'
        )
    return Description(version, tuple(gpu.label for gpu in find_gpus()))


RUNTIME = Runtime(
    name='onnxruntime_tensorrt',
    packages=('onnxruntime',),
    extra='',
    precisions={'cuda': ('fp32', 'fp16', 'int8')},
    load=load_onnxruntime,
    describe=_describe,
    create=OnnxruntimeTensorrtEngine,
    builds=('cuda',),
    note='onnxruntime-gpu in the place of onnxruntime, and TensorRT',
)
