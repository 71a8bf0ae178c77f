# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The runtimes' own calls with nothing of ours around them, to hold our engines against.

Threads are as many as the engine has; everything else is what the runtime does by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from drivseg_ros.engines.base import default_threads
from drivseg_ros.engines.onnxruntime_session import load_onnxruntime
from drivseg_ros.engines.openvino_device import load_openvino
from drivseg_ros.engines.spec import EngineSpec
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import CLASS_IDS_NAME, INPUT_NAME, ModelFile

BareCall = Callable[[np.ndarray], Any]
"""Runs a batch, uint8 [N, H, W, 3]."""

BARE = ('onnxruntime', 'openvino')
"""The engines that have a bare call, on the CPU."""

_OPENVINO_PRECISIONS = {'fp32': 'f32', 'int8': 'f32', 'fp16': 'f16', 'bf16': 'bf16'}


def open_bare(
    model: ModelFile, spec: EngineSpec, *, batch: int, threads: int
) -> tuple[BareCall, dict[str, Any]]:
    """Loads a model as the runtime's own examples do.

    Args:
        model: the model file.
        spec: one of BARE on the CPU.
        batch: the batch size.
        threads: CPU threads; 0 for as many as our engines take.

    Returns:
        What runs a batch, and precision, device and threads in use.

    Raises:
        EngineError: if there is no bare call of this kind.
        MissingDependencyError: if openvino is not installed.
    """
    own = model.card.precision
    precision = own if spec.precision == 'auto' else spec.precision
    threads = threads or default_threads()
    used = {'device': 'cpu', 'precision': precision, 'threads': threads}
    if spec.device in ('cpu', 'auto') and not model.is_checkpoint:
        if spec.engine == 'onnxruntime' and precision == own:
            return _open_onnxruntime(model, threads), used
        if spec.engine == 'openvino':
            return _open_openvino(model, precision, batch, threads), used
    raise EngineError(
        f'there is no bare call of {spec} for {model.path}; onnxruntime (in the precision of the '
        'file) and openvino have one, on the CPU'
    )


def _open_onnxruntime(model: ModelFile, threads: int) -> BareCall:
    library = load_onnxruntime()
    options = library.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = library.InferenceSession(model.content, options, providers=['CPUExecutionProvider'])
    return lambda batch: session.run([CLASS_IDS_NAME], {INPUT_NAME: batch})


def _open_openvino(model: ModelFile, precision: str, batch: int, threads: int) -> BareCall:
    core = load_openvino().Core()
    graph = core.read_model(model.content)
    card = model.card
    graph.reshape({INPUT_NAME: [batch, card.input_height, card.input_width, 3]})
    config = {
        'PERFORMANCE_HINT': 'LATENCY',
        'INFERENCE_NUM_THREADS': threads,
        'INFERENCE_PRECISION_HINT': _OPENVINO_PRECISIONS[precision],
    }
    request = core.compile_model(graph, 'CPU', config).create_infer_request()
    return lambda batch: request.infer({INPUT_NAME: batch}, share_inputs=True, share_outputs=True)
