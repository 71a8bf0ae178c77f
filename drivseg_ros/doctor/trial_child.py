# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One engine, described and tried on one frame, in a process of its own.

It is started by trial.py: a native library that crashes or hangs takes only this process with it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drivseg_ros.base.child import OnNote, serve

_RUNS = 5
_SEED = 1
_NO_GPU = 'it runs on NVIDIA GPUs, and there is none'


def examine(request: Mapping[str, Any], note: OnNote) -> None:
    """Describes an engine, then tries it.

    Args:
        request: engine (its name), model (name or path), reference (a file), self_test.
        note: called with what was found.
    """
    found = _DESCRIBE[request['engine']]()
    note(found)
    if request['self_test'] and not found.get('untried'):
        note(_try(request['engine'], request['model'], Path(request['reference'])))


def _try(name: str, model_name: str, reference: Path) -> dict[str, Any]:
    import numpy as np

    from drivseg_ros.engines import Engine, EngineOptions, create_engine
    from drivseg_ros.model.store import find_model
    from drivseg_ros.scenes import random_frame

    def infer(engine: Engine) -> np.ndarray:
        return engine.infer(batch, confidence=False)[0].copy()

    model = find_model(model_name)
    card = model.card
    frame = random_frame(_SEED, card.input_width, card.input_height).image
    batch = np.repeat(frame[None], model.batch or 1, axis=0)
    started = time.perf_counter()
    engine = create_engine(name, model, EngineOptions())
    class_ids = infer(engine)
    load_s = time.perf_counter() - started
    times = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        engine.infer(batch, confidence=False)
        times.append(time.perf_counter() - started)
    if not reference.exists():
        other = create_engine('onnxruntime', model, EngineOptions(device='cpu'))
        np.save(reference, infer(other))
        other.close()
    result = {
        'engine': engine.name,
        'device': engine.device,
        'precision': engine.precision,
        'threads': engine.threads,
        'choice': engine.choice,
        'load_ms': round(load_s * 1e3, 1),
        'infer_ms': round(statistics.median(times) * 1e3, 2),
        'agreement': float(np.mean(class_ids == np.load(reference))),
    }
    engine.close()
    return result


def _describe_onnxruntime() -> dict[str, Any]:
    import onnxruntime

    with_cuda = 'CUDAExecutionProvider' in onnxruntime.get_available_providers()
    return {
        'version': f'{onnxruntime.__version__} with{"" if with_cuda else "out"} CUDA',
        'devices': [*(_gpus() if with_cuda else []), 'cpu'],
    }


def _describe_onnxruntime_tensorrt() -> dict[str, Any]:
    import onnxruntime

    from drivseg_ros.base.install_hint import pip_install
    from drivseg_ros.engines.onnxruntime_session import TENSORRT
    from drivseg_ros.errors import MissingDependencyError

    if TENSORRT not in onnxruntime.get_available_providers():
        raise MissingDependencyError(
            f'this onnxruntime {onnxruntime.__version__} has no {TENSORRT}; where there is an '
            f'NVIDIA GPU: pip uninstall onnxruntime, then {pip_install("onnxruntime-gpu")}'
        )
    gpus = _gpus()
    return {
        'version': onnxruntime.__version__,
        'devices': gpus,
        'untried': 'not tried, because it would build an engine' if gpus else _NO_GPU,
    }


def _describe_openvino() -> dict[str, Any]:
    from drivseg_ros.engines.openvino_device import list_devices
    from drivseg_ros.engines.openvino_library import load_openvino

    library = load_openvino()
    return {
        'version': library.__version__.split('-')[0],
        'devices': [
            f'{device.name} ({device.full_name}: {", ".join(device.precisions)})'
            for device in list_devices(library.Core())
        ],
    }


def _describe_tensorrt() -> dict[str, Any]:
    from drivseg_ros.engines import EngineOptions
    from drivseg_ros.engines.tensorrt_engine import is_built
    from drivseg_ros.engines.tensorrt_library import load_tensorrt
    from drivseg_ros.model.store import DEFAULT_MODEL, find_model

    library = load_tensorrt()
    result: dict[str, Any] = {
        'version': f'{library.name} {library.version}',
        'devices': _gpus(),
    }
    if not result['devices']:
        result['untried'] = _NO_GPU + (
            '; it can build plans for other machines here' if library.builds_without_gpu else ''
        )
    elif not is_built(find_model(DEFAULT_MODEL), EngineOptions()):
        result['untried'] = (
            'no plan of the default model was built ahead of time (drivseg engine build '
            f'{DEFAULT_MODEL})'
        )
    return result


def _describe_torch() -> dict[str, Any]:
    try:
        import torch
    except ModuleNotFoundError as error:
        from drivseg_ros.base.install_hint import install_hint
        from drivseg_ros.errors import MissingDependencyError

        if error.name != 'torch':
            raise
        raise MissingDependencyError(f'torch is not installed; {install_hint("torch")}') from None
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    return {
        'version': f'{torch.__version__} with{"" if torch.version.cuda else "out"} CUDA',
        'devices': [*(f'cuda:{i} ({torch.cuda.get_device_name(i)})' for i in gpus), 'cpu'],
    }


def _gpus() -> list[str]:
    from drivseg_ros.base.gpus import find_gpus

    return [f'cuda:{gpu.index} ({gpu.name})' for gpu in find_gpus()]


_DESCRIBE = {
    'auto': dict,
    'onnxruntime': _describe_onnxruntime,
    'onnxruntime_tensorrt': _describe_onnxruntime_tensorrt,
    'openvino': _describe_openvino,
    'tensorrt': _describe_tensorrt,
    'torch': _describe_torch,
}


if __name__ == '__main__':
    serve(examine)
