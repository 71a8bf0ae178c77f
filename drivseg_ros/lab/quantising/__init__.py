# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""int8 models for CPUs: calibrated on real frames, compared with the model they were made of.

A convolution in int8 reads and writes 8-bit integers with one scale a tensor, and has weights with
one scale an output channel. This is written into the graph as pairs of QuantizeLinear and
DequantizeLinear (ONNX operators of opset 13), which every runtime reads in the same way.
"""

from __future__ import annotations

import inspect

from drivseg_ros.base.install_hint import install_hint, pip_install
from drivseg_ros.errors import MissingDependencyError

try:
    import onnx  # noqa: F401
except ImportError:
    raise MissingDependencyError(
        f'quantising needs onnx, which is not installed: {install_hint("models")}'
    ) from None

import onnxruntime
from onnxruntime.quantization import quantize_static

if 'calibration_cache_path' not in inspect.signature(quantize_static).parameters:
    raise MissingDependencyError(
        f'quantising needs onnxruntime 1.27 or later, and {onnxruntime.__version__} is installed: '
        f'{pip_install("onnxruntime>=1.27")}'
    )
