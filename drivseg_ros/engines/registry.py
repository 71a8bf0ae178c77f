# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines by name. To add a runtime: write its file, add its line to _MODULES."""

from __future__ import annotations

import importlib

from drivseg_ros.engines.base import Engine, EngineOptions
from drivseg_ros.errors import EngineError
from drivseg_ros.model_file import ModelFile

# Name -> module with a function `create(model, options) -> Engine`, imported when asked for, so
# that a runtime which is not installed costs nothing. The order is the one 'auto' tries.
_MODULES = {
    'onnxruntime': 'drivseg_ros.engines.onnxruntime_engine',
}

ENGINE_NAMES = ('auto', *_MODULES)
"""The values that the parameter and option `engine` take."""


def create_engine(name: str, model: ModelFile, options: EngineOptions) -> Engine:
    """Makes an engine.

    Args:
        name: one of ENGINE_NAMES; 'auto' takes the first that works, in the order listed there.
        model: the model file.
        options: device, precision, threads.

    Raises:
        EngineError: if the name is unknown, or the engine cannot be had as asked for.
    """
    if name not in ENGINE_NAMES:
        raise EngineError(f'unknown engine {name!r}; allowed are {", ".join(ENGINE_NAMES)}')
    if name != 'auto':
        return _create(name, model, options)
    reasons = []
    for candidate in _MODULES:
        try:
            return _create(candidate, model, options)
        except EngineError as error:
            reasons.append(f'{candidate}: {error}')
    raise EngineError('no engine can run this model here. ' + ' '.join(reasons))


def _create(name: str, model: ModelFile, options: EngineOptions) -> Engine:
    engine: Engine = importlib.import_module(_MODULES[name]).create(model, options)
    return engine
