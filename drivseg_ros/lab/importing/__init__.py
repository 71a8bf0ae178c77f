# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other people's networks, brought into the form of docs/model_file.md.

A network's graph is kept as it is; what a user would otherwise write round it (colour order,
scaling, layout, choice of the class) is put into the graph, as an import card says.
"""

from __future__ import annotations

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import MissingDependencyError

try:
    import onnx  # noqa: F401
except ImportError:
    raise MissingDependencyError(
        f'the import needs onnx, which is not installed: {install_hint("models")}'
    ) from None
