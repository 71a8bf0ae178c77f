# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tensors inside an ONNX graph, as onnxruntime computes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from drivseg_ros.lab.importing.proof import Runner


def values(model: onnx.ModelProto, names: Sequence[str], image: np.ndarray) -> list[np.ndarray]:
    """The values of some tensors for a batch of images, uint8 [N, H, W, 3]."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    there = {value.name for value in shown.graph.output}
    shown.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name) for name in names if name not in there
    )
    return Runner(shown, 'the network', threads=1).run({'image': image}, list(names))
