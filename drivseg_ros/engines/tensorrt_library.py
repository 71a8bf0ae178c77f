# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which TensorRT is installed: `tensorrt`, or `tensorrt_rtx`, which has the same Python API."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from dataclasses import dataclass
from types import ModuleType

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.base.library import import_library
from drivseg_ros.errors import MissingDependencyError

FLAVOURS = ('tensorrt', 'tensorrt_rtx')
"""The packages; the first that is installed is taken."""


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
        """The compute capabilities it can build for by name, and its numbers for them."""
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
        MissingDependencyError: if there is none.
        EngineError: if it is installed and cannot be imported.
    """
    found = next((name for name in FLAVOURS if importlib.util.find_spec(name)), None)
    if found is None:
        raise MissingDependencyError(
            f'TensorRT is not installed: {install_hint("tensorrt")} (data centre, Jetson), or '
            f'{install_hint("tensorrt-rtx")} (GeForce RTX, RTX PRO; builds without a GPU)'
        )
    module = import_library(found, extra=found.replace('_', '-'))
    try:
        version = importlib.metadata.version(found)
    except importlib.metadata.PackageNotFoundError:  # Jetson's packages may lack it
        version = str(module.__version__)
    return TensorRT(module=module, name=found, version=version)
