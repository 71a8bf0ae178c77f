# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The form of quantised graphs that TensorRT gets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from convolution_model import LAYERS, colour_image, write_convolution_model
from onnx import numpy_helper

from drivseg_ros.engines.graph_symmetric import is_asymmetric, make_symmetric
from drivseg_ros.lab.quantising.calibration import observe, open_session
from drivseg_ros.lab.quantising.graph import Graph
from drivseg_ros.lab.quantising.qdq import write_int8

BATCHES = [colour_image(seed)[None] for seed in range(8)]


def quantised(path: Path, layers: tuple[str, ...]) -> onnx.ModelProto:
    graph = Graph(onnx.load(write_convolution_model(path)))
    names = ['planes', *LAYERS, 'mix_relu', 'lift_relu']
    return write_int8(graph, observe(graph.model, names, BATCHES, threads=1), layers)


def values(model: onnx.ModelProto, name: str, batch: np.ndarray) -> np.ndarray:
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    shown.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    return open_session(shown, threads=1).run([name], {'image': batch})[0]


def test_all_activations_are_signed_and_symmetric(tmp_path: Path) -> None:
    model = quantised(tmp_path / 'm.onnx', LAYERS[1:-1])
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
    model = quantised(tmp_path / 'm.onnx', ('blur',))
    symmetric = make_symmetric(model)
    for batch in BATCHES:
        np.testing.assert_array_equal(
            values(symmetric, 'blur_quantised', batch).astype(int),
            values(model, 'blur_quantised', batch).astype(int) - 128,
        )
        np.testing.assert_array_equal(
            values(symmetric, 'class_ids', batch), values(model, 'class_ids', batch)
        )


def test_behind_a_relu_the_range_stays(tmp_path: Path) -> None:
    model = quantised(tmp_path / 'm.onnx', ('mix',))
    symmetric = make_symmetric(model)
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    top = 255 * constants['mix_relu_scale']
    changed = {t.name: numpy_helper.to_array(t) for t in symmetric.graph.initializer}
    assert 127 * changed['mix_relu_scale_signed'] == pytest.approx(top)
    for batch in BATCHES:
        fine = values(model, 'mix_relu_dequantised', batch)
        coarse = values(symmetric, 'mix_relu_dequantised', batch)
        assert coarse.min() >= 0
        assert np.abs(fine - coarse).max() <= 1.01 * top / 127
