# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT on an NVIDIA GPU: plans from the cache, fixed buffers, one CUDA graph a batch size."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from drivseg_ros.base.gpus import Gpu, find_gpus
from drivseg_ros.engines.base import EngineOptions, NotBuiltError, OnProgress
from drivseg_ros.engines.cuda_device import CudaStream
from drivseg_ros.engines.plan_cache import PlanCache, PlanKey
from drivseg_ros.engines.runtime import Description, Runtime
from drivseg_ros.engines.tensorrt_library import FLAVOURS, TensorRT, load_tensorrt
from drivseg_ros.engines.tensorrt_messages import shorten
from drivseg_ros.engines.tensorrt_plan import (
    Target,
    choose_precision,
    find_gpu,
    get_plan,
    plan_key,
    targets_for,
)
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import CLASS_IDS_NAME, CONFIDENCE_NAME, INPUT_NAME, ModelFile

_log = logging.getLogger(__name__)


class PlanRefusedError(EngineError):
    """The runtime does not take this plan; another one may do."""


def create(model: ModelFile, options: EngineOptions, on_progress: OnProgress) -> TensorRTEngine:
    """Makes the engine; its plan is built first if there is none in the cache.

    Raises:
        MissingDependencyError: if TensorRT is not installed.
        NotBuiltError: if there is no plan, and `options.build` is False.
        EngineError: if there is no GPU, the model cannot be run as asked for, or the build fails.
    """
    library = load_tensorrt()
    choose_precision(model, options.precision)
    gpu = _require_gpu(options.device, library)
    cache = PlanCache()
    key, target = _find_key(model, options, library, gpu, cache)
    if not options.build and not cache.has(key):
        raise NotBuiltError('no plan was built before (drivseg engine build makes one)')
    plan = get_plan(model, key, target, cache=cache, on_progress=on_progress)
    try:
        return TensorRTEngine(model, key, plan, library, gpu)
    except PlanRefusedError as error:
        if not options.build:
            raise
        _log.warning('%s; it is removed and built again', error)
    cache.remove(key)
    target = targets_for(gpu, library)[0]
    key = plan_key(model, options, library, target)
    plan = get_plan(model, key, target, cache=cache, on_progress=on_progress)
    return TensorRTEngine(model, key, plan, library, gpu)


def _require_gpu(device: str, library: TensorRT) -> Gpu:
    gpu = find_gpu(device, library)
    if gpu is not None:
        return gpu
    hint = (
        '; a plan for another machine can be built here with: drivseg engine build'
        if library.builds_without_gpu
        else ''
    )
    raise EngineError(
        f'{library.name} runs on NVIDIA GPUs, and none was found (nvidia-smi lists them){hint}'
    )


def _find_key(
    model: ModelFile, options: EngineOptions, library: TensorRT, gpu: Gpu, cache: PlanCache
) -> tuple[PlanKey, Target]:
    """The best plan that is in the cache; if none is, the one to build."""
    targets = targets_for(gpu, library)
    keys = [plan_key(model, options, library, target) for target in targets]
    for key, target in zip(keys, targets, strict=True):
        if cache.has(key):
            return key, target
    return keys[0], targets[0]


class TensorRTEngine:
    """Runs a plan. All buffers are allocated here, and none later.

    Args:
        model: the model file.
        key: the plan's.
        plan: its bytes.
        library: the installed TensorRT.
        gpu: where to run it.

    Raises:
        PlanRefusedError: if the runtime refuses the plan.
        EngineError: if memory runs out, or the GPU is not available; everything is freed.
    """

    name = 'tensorrt'
    choice = ''
    threads = 1

    def __init__(
        self, model: ModelFile, key: PlanKey, plan: bytes, library: TensorRT, gpu: Gpu
    ) -> None:
        self.model = model
        self.device = f'cuda:{gpu.index}'
        self.precision = key.precision
        self._errors: list[str] = []
        self._label = f'{library.name} {library.version}'
        self._stream = CudaStream(gpu.index)
        self._runtime: Any = None
        self._engine: Any = None
        self._contexts: dict[int, Any] = {}
        self._launches: dict[int, Callable[[], None]] = {}
        try:
            self._trt = library.module
            self._engine = engine = self._load(plan)
            self._scratch_size = int(engine.device_memory_size_v2)
            self._scratch = self._stream.allocate(max(1, self._scratch_size))
            card = model.card
            shape = (key.max_batch, card.input_height, card.input_width)
            self._shapes = {INPUT_NAME: (*shape, 3), CLASS_IDS_NAME: shape}
            if model.has_confidence:
                self._shapes[CONFIDENCE_NAME] = shape
            self._host = {n: self._stream.allocate_pinned(s) for n, s in self._shapes.items()}
            self._addresses = {n: self._stream.allocate(a.nbytes) for n, a in self._host.items()}
        except BaseException:
            self.close()
            raise

    def infer(self, batch: np.ndarray, *, confidence: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Runs the network; see `Engine.infer`. The arrays are this engine's own buffers."""
        image = self._host[INPUT_NAME]
        n = len(batch)
        sizes_fit = n == self.model.batch if self.model.batch else 1 <= n <= len(image)
        if not sizes_fit or batch.shape[1:] != image.shape[1:] or batch.dtype != np.uint8:
            allowed = str(self.model.batch or f'1 to {len(image)}')
            raise EngineError(
                f'a batch is {batch.dtype} of shape {batch.shape}; this plan takes uint8 of shape '
                f'[N, {", ".join(map(str, image.shape[1:]))}], N {allowed} (max_batch)'
            )
        self._stream.activate()
        image[:n] = batch
        if n not in self._launches:
            self._launches[n] = self._record(n)
        self._launches[n]()
        self._stream.wait()
        wanted = confidence and self.model.has_confidence
        return self._host[CLASS_IDS_NAME][:n], self._host[CONFIDENCE_NAME][:n] if wanted else None

    def close(self) -> None:
        """Frees the plan and all memory; arrays that `infer` gave are gone, too."""
        self._launches.clear()
        self._contexts.clear()
        self._engine = self._runtime = None
        self._stream.close()

    def _load(self, plan: bytes) -> Any:
        self._logger = _make_logger(self._trt, self._errors)
        self._runtime = self._trt.Runtime(self._logger)
        engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is not None:
            return engine
        reason = self._last_error()
        if 'memory' in reason.lower():
            raise EngineError(f'{self._label} cannot load its plan on {self.device}: {reason}')
        raise PlanRefusedError(f'{self._label} refuses its plan: {reason}')

    def _make_context(self, n: int) -> Any:
        """What a batch of this size is run with.

        A graph must not be launched after the context that it was recorded with has been changed
        (TensorRT's Developer Guide, "CUDA Graphs"), so each size has its own. They share the
        memory for what is between input and output, because only one of them runs at a time.
        """
        strategy = self._trt.ExecutionContextAllocationStrategy.USER_MANAGED
        if hasattr(self._engine, 'create_runtime_config'):
            config = self._engine.create_runtime_config()
            config.set_execution_context_allocation_strategy(strategy)
            # tensorrt_rtx compiles kernels when they are first needed; with this, all of them are
            # there before the graph is recorded.
            kernels = getattr(self._trt, 'DynamicShapesKernelSpecializationStrategy', None)
            if kernels is not None:
                config.dynamic_shapes_kernel_specialization_strategy = kernels.EAGER
            context = self._engine.create_execution_context(config)
        else:
            context = self._engine.create_execution_context(strategy)
        if context is None:
            raise EngineError(
                f'{self._label} cannot prepare batch {n} on {self.device}: {self._last_error()}; '
                'if memory ran out, end other programs on that GPU, or take a smaller largest '
                'batch'
            )
        context.set_device_memory(self._scratch, self._scratch_size)
        ready = context.set_input_shape(INPUT_NAME, (n, *self._shapes[INPUT_NAME][1:]))
        for name, address in self._addresses.items():
            ready = context.set_tensor_address(name, address) and ready
        if not ready:
            raise EngineError(f'{self._label} refuses batch {n}: {self._last_error()}')
        return context

    def _record(self, n: int) -> Callable[[], None]:
        """Runs a batch of this size once, so that all is compiled, then records it as a graph."""
        context = self._contexts[n] = self._make_context(n)

        def work() -> None:
            self._stream.upload(self._addresses[INPUT_NAME], self._host[INPUT_NAME][:n])
            if not context.execute_async_v3(self._stream.handle):
                raise EngineError(f'{self._label} failed on {self.device}: {self._last_error()}')
            for name, host in self._host.items():
                if name != INPUT_NAME:
                    self._stream.download(host[:n], self._addresses[name])

        work()
        self._stream.wait()
        capturable = getattr(context, 'is_stream_capturable', None)  # tensorrt_rtx has it
        if capturable is not None and not capturable(self._stream.handle):
            _log.warning(
                '%s cannot record batch %d as a CUDA graph; it is run call by call', self._label, n
            )
            return work
        return self._stream.capture(work)

    def _last_error(self) -> str:
        return shorten(self._errors[-1]) if self._errors else 'it gives no reason'


def _make_logger(trt: Any, errors: list[str]) -> Any:
    worst = int(trt.ILogger.Severity.ERROR)

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, text: str) -> None:
            if int(severity) <= worst:
                errors.append(text)

    return Logger()


def _describe() -> Description:
    library = load_tensorrt()
    gpus = tuple(gpu.label for gpu in find_gpus())
    remark = (
        '' if gpus or not library.builds_without_gpu else 'it can build plans for other machines'
    )
    return Description(f'{library.name} {library.version}', gpus, remark)


RUNTIME = Runtime(
    name='tensorrt',
    packages=FLAVOURS,
    extra='tensorrt',
    precisions={'cuda': ('fp32', 'fp16', 'bf16', 'int8')},
    load=load_tensorrt,
    describe=_describe,
    create=create,
    auto=('cuda',),
    builds=('cuda',),
    note='or extra `tensorrt-rtx` (GeForce RTX, RTX PRO), which builds plans without a GPU',
)
