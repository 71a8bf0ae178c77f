# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The form of quantised graphs that TensorRT gets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from convolution_model import LAYERS, colour_image, values, write_convolution_model
from onnx import numpy_helper

from drivseg_ros.engines.graph_quantised import is_asymmetric, make_symmetric
from drivseg_ros.lab.quantising.static import StaticInt8

BATCHES = [colour_image(seed)[None] for seed in range(8)]


def quantised(folder: Path, *layers: str, shift: float = 0.0) -> onnx.ModelProto:
    graph = onnx.load(write_convolution_model(folder / 'm.onnx'))
    for tensor in graph.graph.initializer:
        if tensor.name == 'spread_bias':
            tensor.CopyFrom(numpy_helper.from_array(np.full(12, shift, np.float32), tensor.name))
    kept = [name for name in LAYERS if layers and name not in layers]
    return StaticInt8(graph, BATCHES, folder).with_float(kept)


def test_all_activations_are_signed_and_symmetric(tmp_path: Path) -> None:
    model = quantised(tmp_path)
    before = model.SerializeToString()
    symmetric = make_symmetric(model)
    assert model.SerializeToString() == before
    assert (is_asymmetric(model), is_asymmetric(symmetric)) == (True, False)
    onnx.checker.check_model(symmetric, full_check=True)
    constants = {t.name: numpy_helper.to_array(t) for t in symmetric.graph.initializer}
    kinds = {
        (constants[n.input[2]].dtype, constants[n.input[2]].any())
        for n in symmetric.graph.node
        if n.op_type in ('QuantizeLinear', 'DequantizeLinear')
    }
    assert kinds == {(np.dtype(np.int8), False)}
    # Nothing is left over from before.
    assert not [name for name, value in constants.items() if value.dtype in (np.uint8, np.int32)]
    assert is_asymmetric(make_symmetric(symmetric)) is False


def test_the_zero_point_128_costs_nothing(tmp_path: Path) -> None:
    model = quantised(tmp_path, 'blur', shift=-0.3)
    symmetric = make_symmetric(model)
    for batch in BATCHES:
        np.testing.assert_array_equal(
            values(symmetric, ['blur_QuantizeLinear_Output'], batch)[0].astype(int),
            values(model, ['blur_QuantizeLinear_Output'], batch)[0].astype(int) - 128,
        )
        np.testing.assert_array_equal(
            values(symmetric, ['class_ids'], batch)[0], values(model, ['class_ids'], batch)[0]
        )


def test_behind_a_relu_the_range_stays(tmp_path: Path) -> None:
    model = quantised(tmp_path, 'mix')
    symmetric = make_symmetric(model)
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    top = 255 * constants['mix_relu_scale']
    changed = {t.name: numpy_helper.to_array(t) for t in symmetric.graph.initializer}
    assert 127 * changed['mix_relu_scale_signed'] == pytest.approx(top)
    for batch in BATCHES:
        fine = values(model, ['mix_relu_DequantizeLinear_Output'], batch)[0]
        coarse = values(symmetric, ['mix_relu_DequantizeLinear_Output'], batch)[0]
        assert coarse.min() >= 0
        assert np.abs(fine - coarse).max() <= 1.01 * top / 127
