# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Calibration, equalisation and the integers themselves, against numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from convolution_model import LAYERS, SIZES, colour_image, write_convolution_model
from onnx import numpy_helper

from drivseg_ros.lab.quantising.calibration import Observed, observe, open_session
from drivseg_ros.lab.quantising.equalisation import equalise
from drivseg_ros.lab.quantising.graph import Graph
from drivseg_ros.lab.quantising.qdq import write_int8

BATCHES = [colour_image(seed)[None] for seed in range(12)]
INSIDE = LAYERS[1:-1]
TENSORS = ['planes', *LAYERS, 'mix_relu', 'lift_relu']


def watched(graph: Graph) -> dict[str, Observed]:
    return observe(graph.model, TENSORS, BATCHES, threads=1)


def values(model: onnx.ModelProto, names: list[str], batch: np.ndarray) -> list[np.ndarray]:
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    shown.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names)
    return open_session(shown, threads=1).run(names, {'image': batch})


def run(model: onnx.ModelProto, batch: np.ndarray) -> dict[str, np.ndarray]:
    names = [value.name for value in model.graph.output]
    results = open_session(model, threads=1).run(names, {'image': batch})
    return dict(zip(names, results, strict=True))


def test_observed_are_the_extremes(source: Path) -> None:
    planes = watched(Graph(onnx.load(source)))['planes']
    stack = np.concatenate(BATCHES)
    np.testing.assert_array_equal(planes.low, stack.min((1, 2)))
    np.testing.assert_array_equal(planes.high, stack.max((1, 2)))
    assert planes.bounds == (0, pytest.approx(stack.max((1, 2, 3)).mean()))
    np.testing.assert_allclose(planes.magnitudes, stack.max((1, 2)).mean(0))
    assert (planes.positions, planes.values) == (48 * 64, 3 * 48 * 64)
    halved = planes.divided(np.float64([1, 2, 4]))
    np.testing.assert_allclose(halved.high, planes.high / [1, 2, 4])


def test_equalisation_changes_sizes_and_not_results(source: Path) -> None:
    graph = Graph(onnx.load(source))
    observed = watched(graph)
    before = values(graph.model, ['merge'], BATCHES[0])[0]
    assert equalise(graph, observed) == len(LAYERS) - 1
    after = values(graph.model, ['merge'], BATCHES[0])[0]
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-3)
    sizes = observed['spread'].magnitudes
    # Depthwise follows, which allows any factor: all channels are of one size.
    assert sizes.max() / sizes.min() < 1.01 < SIZES.max() / SIZES.min()
    # What was observed is what would be observed now.
    again = watched(graph)
    for name in TENSORS:
        np.testing.assert_allclose(again[name].high, observed[name].high, rtol=1e-3, atol=1e-5)


def test_what_others_read_is_not_equalised(source: Path) -> None:
    model = onnx.load(source)
    # Somebody looks at 'blur', so its values must stay.
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info('blur'))
    graph = Graph(model)
    observed = watched(graph)
    before = run(graph.model, BATCHES[0])
    assert equalise(graph, observed) == len(LAYERS) - 2
    after = run(graph.model, BATCHES[0])
    np.testing.assert_allclose(after['blur'], before['blur'], rtol=1e-4, atol=1e-5)


def test_a_layer_computes_in_the_integers_of_its_scales(source: Path) -> None:
    """The whole of one layer again in numpy: integer products, int32 sums, rounding to even."""
    graph = Graph(onnx.load(source))
    model = write_int8(graph, watched(graph), INSIDE)
    onnx.checker.check_model(model, full_check=True)
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    read, written = values(model, ['blur_quantised', 'mix_relu_quantised'], BATCHES[3])
    assert read.dtype == written.dtype == np.uint8
    assert constants['blur_zero'] == 128
    assert constants['mix_relu_zero'] == 0
    weight, bias = constants['mix_weight_quantised'], constants['mix_bias_quantised']
    assert (weight.dtype, bias.dtype) == (np.int8, np.int32)
    assert np.abs(weight).reshape(12, -1).max(1).tolist() == [64] * 12
    sums = np.einsum('oi,nihw->nohw', weight[..., 0, 0].astype(int), read.astype(int) - 128)
    sums += bias[:, None, None]
    scale = constants['blur_scale'] * constants['mix_weight_scale'] / constants['mix_relu_scale']
    wanted = np.rint(sums * scale[:, None, None].astype(np.float64)).clip(0, 255)
    assert np.abs(written - wanted).max() <= 1  # float32 scales may round a tie the other way
    assert np.mean(written == wanted) > 0.999


def test_no_pair_of_products_overflows_16_bits(source: Path) -> None:
    """CPUs without VNNI add unsigned x signed products in pairs, and saturate (vpmaddubsw)."""
    graph = Graph(onnx.load(source))
    model = write_int8(graph, watched(graph), INSIDE)
    weights = [numpy_helper.to_array(t) for t in model.graph.initializer if t.data_type == 3]
    largest = max(int(np.abs(w.astype(int)).max()) for w in weights)
    assert largest > 60
    assert 2 * 255 * largest <= np.iinfo(np.int16).max


def test_layers_in_float_stay_as_they_are(source: Path) -> None:
    graph = Graph(onnx.load(source))
    model = write_int8(graph, watched(graph), ['lift'])
    before = {n.output[0]: n for n in onnx.load(source).graph.node}
    changed = {
        n.output[0] for n in model.graph.node if n.output[0] in before and n != before[n.output[0]]
    }
    assert changed == {'lift', 'lower'}  # 'lower' reads what 'lift' wrote
    kept = {t.name for t in model.graph.initializer}
    assert 'lower_weight' in kept
    assert 'lift_weight' not in kept


def test_channels_without_weights_keep_their_bias(tmp_path: Path) -> None:
    model = onnx.load(write_convolution_model(tmp_path / 'dead.onnx'))
    for tensor in model.graph.initializer:
        if tensor.name in ('mix_weight', 'mix_bias'):
            value = numpy_helper.to_array(tensor).copy()
            value[0] = 1e-42 if tensor.name == 'mix_weight' else 0
            value[1] = 0 if tensor.name == 'mix_weight' else 0.5
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    graph = Graph(model)
    with np.errstate(all='raise', under='ignore'):
        quantised = write_int8(graph, watched(graph), INSIDE)
    mixed = values(quantised, ['mix_relu_dequantised'], BATCHES[0])[0]
    assert np.abs(mixed[:, 0]).max() == 0
    np.testing.assert_allclose(mixed[:, 1], 0.5, atol=0.02)


def test_a_tensor_that_is_all_but_nothing(tmp_path: Path) -> None:
    model = onnx.load(write_convolution_model(tmp_path / 'faint.onnx'))
    for tensor in model.graph.initializer:
        if tensor.name in ('mix_weight', 'lift_weight'):
            value = numpy_helper.to_array(tensor) * np.float32(1e-30)
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    graph = Graph(model)
    with np.errstate(all='raise', under='ignore'):
        quantised = write_int8(graph, watched(graph), INSIDE)
    constants = {t.name: numpy_helper.to_array(t) for t in quantised.graph.initializer}
    assert all(np.isfinite(v).all() for n, v in constants.items() if n.endswith('_scale'))
    assert values(quantised, ['lower_dequantised'], BATCHES[0])[0].max() == 0
