# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines by name, and which one 'auto' takes.

To add a runtime: write its file, with its descriptor (runtime.py), and add it to RUNTIMES.
"""

from __future__ import annotations

import dataclasses

from drivseg_ros.base.gpus import find_gpus
from drivseg_ros.engines import (
    onnxruntime_engine,
    onnxruntime_tensorrt_engine,
    openvino_engine,
    tensorrt_engine,
    torch_engine,
)
from drivseg_ros.engines.base import Engine, EngineOptions, OnProgress, say_nothing
from drivseg_ros.engines.runtime import Runtime
from drivseg_ros.errors import DrivsegError, EngineError
from drivseg_ros.model.file import ModelFile

RUNTIMES: dict[str, Runtime] = {
    runtime.name: runtime
    for runtime in (
        tensorrt_engine.RUNTIME,
        onnxruntime_engine.RUNTIME,
        openvino_engine.RUNTIME,
        torch_engine.RUNTIME,
        onnxruntime_tensorrt_engine.RUNTIME,
    )
}
"""The runtimes by name, in the order in which 'auto' tries them on a device."""

# An NVIDIA GPU goes before the CPU. On the CPU the runtime of the base installation goes first.
_AUTO_DEVICES = ('cuda', 'cpu')

ENGINE_NAMES = ('auto', *sorted(RUNTIMES))
"""The values that the parameter and option `engine` take."""

AS_ASKED = 'as asked for'


def _devices() -> str:
    kinds: dict[str, list[str]] = {'cpu': [], 'cuda': []}
    for name, runtime in RUNTIMES.items():
        for kind in runtime.precisions:
            kinds.setdefault(kind, []).append(name)
    words = [kind if len(names) > 1 else f'{kind} ({names[0]})' for kind, names in kinds.items()]
    return f'auto, {", ".join(words)}; cuda:1 is the second of its kind'


DEVICES = _devices()
"""The values that the parameter and option `device` take, for people."""


def create_engine(
    name: str,
    model: ModelFile,
    options: EngineOptions,
    *,
    on_progress: OnProgress = say_nothing,
) -> Engine:
    """Makes an engine.

    'auto' tries TensorRT (only if its plan was built before: it never makes anybody wait for a
    build) and onnxruntime on an NVIDIA GPU, then onnxruntime and OpenVINO on the CPU; for a
    checkpoint, torch. It says in `Engine.choice` what it passed over and why. A device, a
    precision and a number of threads that were asked for hold for all of them.

    Args:
        name: one of ENGINE_NAMES.
        model: the model file, with its bytes.
        options: device, precision, threads, largest batch.
        on_progress: called with how far the engine is, if it has to be built.

    Raises:
        EngineError: if the name is unknown, the runtime does not run files of this kind, or the
            engine is not available as asked for.
        MissingDependencyError: if the runtime is not installed.
    """
    if name == 'auto':
        engine = _choose(model, options, on_progress)
    else:
        engine = _create(find_runtime(name), model, options, on_progress)
        engine.choice = AS_ASKED
    engine.model = model.without_content()
    return engine


def find_runtime(name: str) -> Runtime:
    """The runtime of a name other than 'auto'.

    Raises:
        EngineError: if there is none.
    """
    if name not in RUNTIMES:
        raise EngineError(f'unknown engine {name!r}; allowed are {", ".join(ENGINE_NAMES)}')
    return RUNTIMES[name]


def check_runs(runtime: Runtime, model: ModelFile) -> None:
    """Refuses a file of a kind that the runtime does not run.

    Raises:
        EngineError: if it does not.
    """
    if runtime.runs(model):
        return
    others = ', '.join(name for name, other in RUNTIMES.items() if other.runs(model))
    if runtime.checkpoints:
        raise EngineError(
            f'{runtime.name} runs checkpoints (.safetensors), and {model.path} is an .onnx file; '
            f'take one of the engines {others}, or the checkpoint that it was exported from'
        )
    raise EngineError(
        f'{runtime.name} runs .onnx files, and {model.path} is a checkpoint; make an .onnx file '
        f'of it with `drivseg export`, or take engine {others}'
    )


def runtimes_table() -> str:
    """The runtimes as a table in Markdown, for the documentation."""
    lines = ['| `engine` | runs | on devices, in precisions | install |', '|---|---|---|---|']
    for runtime in RUNTIMES.values():
        files = '.safetensors' if runtime.checkpoints else '.onnx'
        devices = '; '.join(
            f'`{kind}`: {", ".join(precisions)}' for kind, precisions in runtime.precisions.items()
        )
        install = f'extra `{runtime.extra}`' if runtime.extra else ''
        install = '; '.join(part for part in (install, runtime.note) if part)
        lines.append(f'| `{runtime.name}` | {files} | {devices} | {install} |')
    return '\n'.join(lines) + '\n'


def _choose(model: ModelFile, options: EngineOptions, on_progress: OnProgress) -> Engine:
    gpus = find_gpus()
    asked = options.device.partition(':')[0]
    if asked not in ('auto', *_AUTO_DEVICES):
        raise EngineError(
            f"device {options.device!r} is not one that engine 'auto' knows (auto, cpu, cuda, "
            'cuda:INDEX); name the engine, too'
        )
    if asked == 'cuda' and not gpus:
        raise EngineError(
            f'device {options.device!r} was asked for, but the driver shows no NVIDIA GPU '
            "(nvidia-smi may show more); ask for 'auto' or 'cpu'"
        )
    passed: list[str] = []
    for kind in _AUTO_DEVICES:
        if asked not in ('auto', kind) or (kind == 'cuda' and not gpus):
            continue
        device = kind if asked == 'auto' else options.device
        tried = dataclasses.replace(options, device=device, build=False)
        for runtime in RUNTIMES.values():
            if kind not in runtime.auto or not runtime.runs(model):
                continue
            label = f'{runtime.name} on {kind}'
            try:
                engine = _create(runtime, model, tried, on_progress)
            except DrivsegError as error:
                passed.append(f'{label}: {error}')
                continue
            reasons = [] if gpus else ['no NVIDIA GPU was found']
            if asked != 'auto':  # that is the reason then, and not what GPUs there are
                reasons = [f'device {options.device!r} was asked for']
            engine.choice = '; '.join([f'auto took {label}', *reasons, *passed])
            return engine
    raise EngineError('no engine can run this model as asked for. ' + '; '.join(passed))


def _create(
    runtime: Runtime, model: ModelFile, options: EngineOptions, on_progress: OnProgress
) -> Engine:
    check_runs(runtime, model)
    return runtime.create(model, options, on_progress)
