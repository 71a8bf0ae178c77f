# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Libraries that are imported when they are needed, and may be missing or broken."""

from __future__ import annotations

import importlib
from types import ModuleType

from drivseg_ros.base.install_hint import install_hint, pip_install
from drivseg_ros.errors import EngineError, MissingDependencyError


def import_library(package: str, *, extra: str) -> ModuleType:
    """Imports the library of a runtime.

    Args:
        package: its name.
        extra: of the extras in setup.py, the one that installs it; '' is the base installation.

    Raises:
        MissingDependencyError: if it is not installed.
        EngineError: if it is installed and cannot be imported.
    """
    try:
        return importlib.import_module(package)
    except (ImportError, OSError, RuntimeError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == package:
            raise MissingDependencyError(
                f'{package} is not installed; '
                f'{install_hint(extra) if extra else pip_install(package)}'
            ) from None
        lines = str(error).strip().splitlines() or [repr(error)]
        again = pip_install('--force-reinstall', package)
        raise EngineError(
            f'{package} is installed, but cannot be imported ({lines[0]}); install it again '
            f'({again}); python -m drivseg_ros.doctor shows more'
        ) from None
