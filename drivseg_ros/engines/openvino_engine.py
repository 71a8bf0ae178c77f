# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on the CPU, and on Intel's GPUs and NPUs where there are any.

Every batch size has a compiled model of fixed shapes, made when it is first asked for: a model of
any batch size is slower. On the CPU that takes a tenth of a second, so nothing is kept of it; what
is compiled for GPUs and NPUs is kept in the plan cache.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from drivseg_ros.engines.base import BuildProgress, EngineOptions, OnProgress, default_threads
from drivseg_ros.engines.openvino_device import (
    OpenvinoDevice,
    choose_device,
    choose_precision,
    list_devices,
    load_openvino,
)
from drivseg_ros.engines.plan_cache import PlanCache, PlanKey
from drivseg_ros.engines.runtime import Description, Runtime
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import CLASS_IDS_NAME, CONFIDENCE_NAME, INPUT_NAME, ModelFile

if TYPE_CHECKING:
    import openvino

_KEPT = ('gpu', 'npu')  # kinds of devices whose compiled models are kept

_log = logging.getLogger(__name__)


class OpenvinoEngine:
    """Runs a model file with OpenVINO.

    Args:
        model: the model file.
        options: device 'auto' is a GPU of its own if OpenVINO lists one, else 'cpu'. Precision is
            that of the arithmetic between the layers: 'fp32', and 'bf16' or 'fp16' where the
            device computes in it; 'int8' takes a quantised file.
        on_progress: called when it compiles for a GPU or NPU, which can take minutes.

    Raises:
        MissingDependencyError: if openvino is not installed.
        EngineError: if device, precision or number of threads is not available, or OpenVINO
            refuses the model.
    """

    name = 'openvino'
    choice = ''

    def __init__(self, model: ModelFile, options: EngineOptions, on_progress: OnProgress) -> None:
        library = load_openvino()
        self._version = library.__version__
        self.model = model
        self._core = library.Core()
        self._device: OpenvinoDevice = choose_device(self._core, options.device)
        self.device = self._device.name
        self.precision, self._hint = choose_precision(model, options.precision, self._device)
        self.threads = options.threads or default_threads()
        self._on_progress = on_progress
        self._requests: dict[int, openvino.InferRequest] = {}
        try:
            self._graph = self._core.read_model(model.content)
        except RuntimeError as error:
            raise EngineError(f'OpenVINO cannot read {model.path}: {_reason(error)}') from None
        self._prepare(model.batch or 1)

    def infer(self, batch: np.ndarray, *, confidence: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Runs the network; see `Engine.infer`."""
        card = self.model.card
        size = self.model.batch or len(batch)
        wanted = (size, card.input_height, card.input_width, 3)
        if batch.shape != wanted or batch.dtype != np.uint8:
            raise EngineError(
                f'a batch is {batch.dtype} of shape {batch.shape}; it must be uint8 of shape '
                f'{wanted}'
            )
        if size not in self._requests:
            self._prepare(size)
        try:
            results = self._requests[size].infer(
                {INPUT_NAME: batch}, share_inputs=True, share_outputs=True
            )
        except RuntimeError as error:
            raise EngineError(f'OpenVINO failed: {_reason(error)}') from None
        # The confidence costs no time that could be measured, so it is always computed.
        wanted_confidence = confidence and self.model.has_confidence
        return results[CLASS_IDS_NAME], results[CONFIDENCE_NAME] if wanted_confidence else None

    def close(self) -> None:
        """Frees the compiled models."""
        self._requests.clear()
        del self._graph, self._core

    def _prepare(self, size: int) -> None:
        """Compiles the network for a batch size."""
        card = self.model.card
        graph = self._graph.clone()
        try:
            graph.reshape({INPUT_NAME: [size, card.input_height, card.input_width, 3]})
            compiled = self._compile(graph, size)
            self._check(compiled)
            self._requests[size] = compiled.create_infer_request()
        except RuntimeError as error:
            raise EngineError(
                f'OpenVINO cannot compile {self.model.path} for batches of {size} on '
                f'{self.device}: {_reason(error)}'
            ) from None

    def _compile(self, graph: openvino.Model, size: int) -> openvino.CompiledModel:
        device, config = self._device.openvino_name, self._config()
        if self.device.partition(':')[0] not in _KEPT:
            return self._core.compile_model(graph, device, config)
        key = self._key(size)
        cache = PlanCache()
        plan = cache.load(key)
        if plan is not None:
            try:
                return self._core.import_model(plan, device, config)
            except RuntimeError as error:  # of another driver, say
                _log.warning('the plan %s is made again: %s', cache.path(key), _reason(error))
        self._on_progress(
            BuildProgress(f'OpenVINO compiles for batches of {size} on {self.device}', 0.0)
        )
        compiled = self._core.compile_model(graph, device, config)
        stream = io.BytesIO()
        compiled.export_model(stream)
        try:
            cache.store(key, stream.getvalue())
        except EngineError as error:
            _log.warning('OpenVINO will compile again at the next start: %s', error)
        return compiled

    def _key(self, size: int) -> PlanKey:
        card = self.model.card
        return PlanKey(
            model_sha256=self.model.sha256,
            runtime=self.name,
            runtime_version=self._version,
            device=self._device.full_name,
            precision=self.precision,
            min_batch=size,
            max_batch=size,
            height=card.input_height,
            width=card.input_width,
            model_path=str(self.model.path.resolve()),
        )

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            'PERFORMANCE_HINT': 'LATENCY',
            # Said always: left alone, OpenVINO takes bf16 or f16 for an fp32 file.
            'INFERENCE_PRECISION_HINT': self._hint,
        }
        if self._device.is_cpu:
            config |= {
                'NUM_STREAMS': 1,
                'INFERENCE_NUM_THREADS': self.threads,
                # Pinned threads wait for their CPU even if another one is idle, and a car's
                # computer has other work to do.
                'ENABLE_CPU_PINNING': False,
            }
        return config

    def _check(self, compiled: openvino.CompiledModel) -> None:
        """Refuses what is not as it was asked for; OpenVINO itself takes the next best."""
        devices = compiled.get_property('EXECUTION_DEVICES')
        if not self._device.is_among(devices):
            raise EngineError(
                f'OpenVINO would run on {", ".join(devices)}, and {self.device!r} was asked for'
            )
        precision = compiled.get_property('INFERENCE_PRECISION_HINT').to_string()
        if precision != self._hint:
            raise EngineError(
                f'OpenVINO would compute in {precision} on {self.device}, and {self._hint} was '
                f'asked for (precision {self.precision!r}); ask for another precision'
            )
        if self._device.is_cpu:
            threads = compiled.get_property('INFERENCE_NUM_THREADS')
            if threads != self.threads:
                raise EngineError(
                    f'OpenVINO would use {threads} threads, and {self.threads} were asked for; '
                    f'ask for at most {threads}'
                )


def _reason(error: RuntimeError) -> str:
    """OpenVINO's errors begin with places in its source; the last line says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else repr(error)


def _describe() -> Description:
    library = load_openvino()
    return Description(
        library.__version__.split('-')[0],
        tuple(
            f'{device.name} ({device.full_name}: {", ".join(device.precisions)})'
            for device in list_devices(library.Core())
        ),
    )


RUNTIME = Runtime(
    name='openvino',
    packages=('openvino',),
    extra='openvino',
    precisions={
        'cpu': ('fp32', 'fp16', 'bf16', 'int8'),
        'gpu': ('fp32', 'fp16', 'int8'),
        'npu': ('fp16', 'int8'),
    },
    load=load_openvino,
    describe=_describe,
    create=OpenvinoEngine,
    auto=('cpu',),
    builds=('gpu', 'npu'),
)
