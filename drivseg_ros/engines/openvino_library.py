# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The openvino package, imported without its telemetry."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from drivseg_ros.base.install_hint import install_hint, pip_install
from drivseg_ros.errors import EngineError, MissingDependencyError

_TELEMETRY = 'openvino_telemetry'


def load_openvino() -> ModuleType:
    """Imports openvino.

    Its `__init__` reports each import to its maker through the package openvino_telemetry, unless
    that package is missing. A vehicle's software reports nothing to anybody, so it is missing
    while openvino is imported here. (A process that imported openvino by itself before is not
    ours to change.)

    Raises:
        MissingDependencyError: if openvino is not installed.
        EngineError: if it is installed and cannot be loaded.
    """
    if 'openvino' in sys.modules:
        return sys.modules['openvino']
    absent = _TELEMETRY not in sys.modules
    if absent:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # makes its import fail
    try:
        return importlib.import_module('openvino')
    except ModuleNotFoundError as error:
        if error.name != 'openvino':
            raise _cannot_be_loaded(error) from None
        raise MissingDependencyError(
            "engine 'openvino' needs the Python package openvino, which is not installed; "
            f'{install_hint("openvino")} or take another engine'
        ) from None
    except ImportError as error:
        raise _cannot_be_loaded(error) from None
    finally:
        if absent:
            del sys.modules[_TELEMETRY]


def _cannot_be_loaded(error: ImportError) -> EngineError:
    return EngineError(
        f'openvino is installed, but cannot be loaded: {error}; install it again '
        f'({pip_install("--force-reinstall", "openvino")}), or take another engine'
    )
