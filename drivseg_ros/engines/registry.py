# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines by name, and which one 'auto' takes.

To add a runtime: write its file, add its line to _MODULES, and to _AUTO if 'auto' may take it.
"""

from __future__ import annotations

import dataclasses
import importlib

from drivseg_ros.base.gpus import find_gpus
from drivseg_ros.engines.base import Engine, EngineOptions, OnProgress, say_nothing
from drivseg_ros.errors import DrivsegError, EngineError
from drivseg_ros.model.file import ModelFile

# Name -> module with a function `create(model, options, on_progress) -> Engine`, imported when
# asked for, so that a runtime which is not installed, or not needed, costs nothing.
_MODULES = {
    'onnxruntime': 'drivseg_ros.engines.onnxruntime_engine',
    'onnxruntime_tensorrt': 'drivseg_ros.engines.onnxruntime_tensorrt_engine',
    'openvino': 'drivseg_ros.engines.openvino_engine',
    'tensorrt': 'drivseg_ros.engines.tensorrt_engine',
    'torch': 'drivseg_ros.engines.torch_engine',
}

# What 'auto' tries, in this order: engine and kind of device. An NVIDIA GPU goes before the CPU;
# on the CPU, the runtime of the base installation goes first, because it is always there.
_AUTO = (
    ('tensorrt', 'cuda'),
    ('torch', 'cuda'),
    ('onnxruntime', 'cuda'),
    ('onnxruntime', 'cpu'),
    ('openvino', 'cpu'),
    ('torch', 'cpu'),
)

ENGINE_NAMES = ('auto', *_MODULES)
"""The values that the parameter and option `engine` take."""

AS_ASKED = 'as asked for'


def create_engine(
    name: str,
    model: ModelFile,
    options: EngineOptions,
    *,
    on_progress: OnProgress = say_nothing,
) -> Engine:
    """Makes an engine.

    'auto' tries TensorRT (only if its plan was built ahead of time: it never makes anybody wait
    for a build), torch and onnxruntime on an NVIDIA GPU, then onnxruntime, OpenVINO and torch on
    the CPU, and says in `Engine.choice` what it passed over and why. A device, a precision and a
    number of threads that were asked for hold for all of them.

    Args:
        name: one of ENGINE_NAMES.
        model: the model file.
        options: device, precision, threads, largest batch.
        on_progress: told how far the engine is, if it has to be built.

    Raises:
        EngineError: if the name is unknown, or the engine cannot be had as asked for.
        MissingDependencyError: if the runtime is not installed.
    """
    if name not in ENGINE_NAMES:
        raise EngineError(f'unknown engine {name!r}; allowed are {", ".join(ENGINE_NAMES)}')
    if name != 'auto':
        engine = _create(name, model, options, on_progress)
        engine.choice = AS_ASKED
        return engine
    passed: list[str] = []
    gpus = find_gpus()
    asked = options.device.partition(':')[0]
    if asked not in ('auto', *(kind for _, kind in _AUTO)):
        raise EngineError(
            f"device {options.device!r} is not one that engine 'auto' knows (auto, cpu, cuda, "
            'cuda:INDEX); name the engine, too'
        )
    if asked == 'cuda' and not gpus:
        raise EngineError(
            f'device {options.device!r} was asked for, but the driver shows no NVIDIA GPU '
            "(nvidia-smi may tell more); ask for 'auto' or 'cpu'"
        )
    for candidate, kind in _AUTO:
        label = f'{candidate} on {kind}'
        if asked not in ('auto', kind) or (kind == 'cuda' and not gpus):
            continue
        if candidate == 'tensorrt' and not _is_built(model, options):
            passed.append(
                f'{label}: no plan was built ahead of time (drivseg engine build makes one)'
            )
            continue
        device = kind if asked == 'auto' else options.device
        try:
            engine = _create(
                candidate, model, dataclasses.replace(options, device=device), on_progress
            )
        except DrivsegError as error:
            passed.append(f'{label}: {error}')
            continue
        reasons = [] if gpus else ['no NVIDIA GPU was found']
        if asked != 'auto':  # that is the reason then, and not what GPUs there are
            reasons = [f'device {options.device!r} was asked for']
        engine.choice = '; '.join([f'auto took {label}', *reasons, *passed])
        return engine
    raise EngineError('no engine can run this model as asked for. ' + '; '.join(passed))


def _is_built(model: ModelFile, options: EngineOptions) -> bool:
    from drivseg_ros.engines.tensorrt_engine import is_built

    try:
        return is_built(model, options)
    except DrivsegError:
        return False


def _create(name: str, model: ModelFile, options: EngineOptions, on_progress: OnProgress) -> Engine:
    module = importlib.import_module(_MODULES[name])
    engine: Engine = module.create(model, options, on_progress)
    return engine
