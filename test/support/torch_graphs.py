# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX graphs by torch and by onnxruntime; it is imported where torch is installed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import torch
from onnx_graphs import by_onnxruntime

from drivseg_ros.engines.torch_graph import OnnxGraph


def by_torch(model: onnx.ModelProto, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    with torch.inference_mode():
        results = OnnxGraph(model)(*(torch.from_numpy(x.copy()) for x in inputs))
    return [result.numpy() for result in results]


def assert_same(model: onnx.ModelProto, inputs: Sequence[np.ndarray], **bounds: float) -> None:
    bounds = bounds or {'rtol': 1e-5, 'atol': 1e-5}
    wanted, given = by_onnxruntime(model, inputs), by_torch(model, inputs)
    for w, g in zip(wanted, given, strict=True):
        assert g.dtype == w.dtype
        assert g.shape == w.shape
        np.testing.assert_allclose(g, w, **bounds)
