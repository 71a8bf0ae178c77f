# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which TensorRT is installed: `tensorrt`, or `tensorrt_rtx`, which has the same Python API."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from dataclasses import dataclass
from types import ModuleType

from drivseg_ros.base.install_hint import install_hint, pip_install
from drivseg_ros.errors import MissingDependencyError

# The first that is installed is taken.
_FLAVOURS = ('tensorrt', 'tensorrt_rtx')


@dataclass(frozen=True)
class TensorRT:
    """An installed TensorRT.

    Attributes:
        module: its Python module.
        name: of its distribution, 'tensorrt' or 'tensorrt_rtx'.
        version: of its distribution.
    """

    module: ModuleType
    name: str
    version: str

    @property
    def builds_without_gpu(self) -> bool:
        """Whether it builds plans on a machine that has no GPU."""
        return self.name == 'tensorrt_rtx'

    @property
    def compute_capabilities(self) -> dict[str, int]:
        """The compute capabilities it can be told to build for, and its numbers for them."""
        members = getattr(self.module, 'ComputeCapability', None)
        found: dict[str, int] = {}
        for name, value in getattr(members, '__members__', {}).items():
            digits = re.fullmatch(r'SM(\d+)(\d)', name)
            if digits:
                found['.'.join(digits.groups())] = int(value)
        return found


def load_tensorrt() -> TensorRT:
    """Imports the installed TensorRT.

    Raises:
        MissingDependencyError: if there is none, or it cannot be imported.
    """
    for name in _FLAVOURS:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name == name:
                continue
            raise _unusable(name, error) from None
        except (ImportError, OSError, RuntimeError) as error:
            raise _unusable(name, error) from None
        return TensorRT(module=module, name=name, version=_version(name, module))
    raise MissingDependencyError(
        f'TensorRT is not installed: {install_hint("tensorrt")} (data centre, Jetson), or '
        f'{install_hint("tensorrt-rtx")} (GeForce RTX, RTX PRO; builds without a GPU)'
    )


def _unusable(name: str, error: Exception) -> MissingDependencyError:
    lines = str(error).strip().splitlines()
    reason = lines[0] if lines else repr(error)
    return MissingDependencyError(
        f'{name} is installed, but cannot be imported ({reason}); '
        f'install it again: {pip_install("--force-reinstall", name)}'
    )


def _version(name: str, module: ModuleType) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # Jetson's packages may lack it
        return str(module.__version__)
