# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What `quantize_static` is asked to write: calibration and the integers, against numpy."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import onnx
import pytest
from convolution_model import LAYERS, colour_image, values, write_convolution_model
from onnx import numpy_helper

from drivseg_ros.errors import DataError, ModelError
from drivseg_ros.lab.quantising.static import StaticInt8, convolutions

BATCHES = [colour_image(seed)[None] for seed in range(12)]

Quantise = Callable[..., onnx.ModelProto]


@pytest.fixture
def quantise(tmp_path: Path) -> Quantise:
    def made(model: onnx.ModelProto, kept: Collection[str] = ()) -> onnx.ModelProto:
        return StaticInt8(model, BATCHES, tmp_path).with_float(kept)

    return made


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def test_a_range_is_the_mean_of_the_frames_extremes(source: Path, quantise: Quantise) -> None:
    model = onnx.load(source)
    blurred = np.stack([values(model, ['blur'], batch)[0] for batch in BATCHES])
    assert blurred.min() >= 0
    top = blurred.max((1, 2, 3, 4)).mean()
    assert constants(quantise(model))['blur_scale'] == pytest.approx(top / 255, rel=1e-5)


def test_a_layer_computes_in_the_integers_of_its_scales(source: Path, quantise: Quantise) -> None:
    """The whole of one layer again in numpy: integer products, int32 sums, rounding to even."""
    model = quantise(onnx.load(source))
    onnx.checker.check_model(model, full_check=True)
    found = constants(model)
    names = ['lift_relu_QuantizeLinear_Output', 'lower_QuantizeLinear_Output']
    read, written = values(model, names, BATCHES[3])
    assert read.dtype == written.dtype == np.uint8
    assert found['lift_relu_zero_point'] == 0
    assert found['lower_zero_point'] == 0
    weight, bias = found['lower_weight_quantized'], found['lower_bias_quantized']
    assert (weight.dtype, bias.dtype) == (np.int8, np.int32)
    sums = np.einsum('oi,nihw->nohw', weight[..., 0, 0].astype(int), read.astype(int))
    sums += bias[:, None, None]
    scale = found['lift_relu_scale'] * found['lower_weight_scale'] / found['lower_scale']
    wanted = np.rint(sums * scale[:, None, None].astype(np.float64)).clip(0, 255)
    assert np.abs(written - wanted).max() <= 1  # float32 scales may round a tie the other way
    assert np.mean(written == wanted) > 0.999


def test_zero_points_are_0_or_128(tmp_path: Path, quantise: Quantise) -> None:
    """Others lose half of their range, or their zero, in TensorRT's symmetric form."""
    model = onnx.load(write_convolution_model(tmp_path / 'm.onnx'))
    for tensor in model.graph.initializer:
        if tensor.name == 'spread_bias':
            tensor.CopyFrom(numpy_helper.from_array(np.full(12, -0.3, np.float32), tensor.name))
    found = constants(quantise(model))
    zero_points = {n: int(v) for n, v in found.items() if v.dtype == np.uint8 and v.ndim == 0}
    assert zero_points['spread_zero_point'] == zero_points['blur_zero_point'] == 128
    assert zero_points['mix_relu_zero_point'] == 0
    assert set(zero_points.values()) == {0, 128}


def test_no_pair_of_products_overflows_16_bits(source: Path, quantise: Quantise) -> None:
    """CPUs without VNNI add unsigned x signed products in pairs, and saturate (vpmaddubsw)."""
    found = constants(quantise(onnx.load(source)))
    weights = [value for value in found.values() if value.dtype == np.int8 and value.ndim == 4]
    assert len(weights) == len(LAYERS)
    largest = max(int(np.abs(w.astype(int)).max()) for w in weights)
    assert largest > 60
    assert 2 * 255 * largest <= np.iinfo(np.int16).max


def test_relus_become_integers_and_stay_in_the_graph(source: Path, quantise: Quantise) -> None:
    model = quantise(onnx.load(source))
    relus = [n for n in model.graph.node if n.op_type == 'Relu']
    written = {n.input[0]: n for n in model.graph.node if n.op_type == 'QuantizeLinear'}
    found = constants(model)
    assert {'mix_relu', 'lift_relu'} <= {n.input[0] for n in relus}
    for relu in relus:
        assert found[written[relu.output[0]].input[2]] == 0


def test_layers_in_float_stay_as_they_are(source: Path, quantise: Quantise) -> None:
    kept = [name for name in LAYERS if name != 'lift']
    names = set(constants(quantise(onnx.load(source), kept)))
    assert {f'{name}_weight' for name in kept} <= names
    assert 'lift_weight' not in names


@pytest.mark.parametrize('named', [True, False])
def test_other_peoples_nodes_may_have_no_names(
    source: Path, quantise: Quantise, named: bool
) -> None:
    model = onnx.load(source)
    for node in model.graph.node:
        node.name = 'the same' if named else ''
    names = set(constants(quantise(model, ['blur'])))
    assert {'blur_weight', 'mix_weight_quantized'} <= names


def test_weights_that_are_computed_are_left_alone(source: Path, quantise: Quantise) -> None:
    model = onnx.load(source)
    convolution = next(n for n in model.graph.node if n.output[0] == 'lower')
    convolution.input[1] = 'computed'
    model.graph.node.insert(0, onnx.helper.make_node('Neg', ['lower_weight'], ['computed']))
    assert convolutions(model) == tuple(name for name in LAYERS if name != 'lower')
    node = next(n for n in quantise(model).graph.node if n.op_type == 'Neg')
    assert list(node.input) == ['lower_weight']


def test_channels_without_weights_keep_their_bias(tmp_path: Path, quantise: Quantise) -> None:
    model = onnx.load(write_convolution_model(tmp_path / 'dead.onnx'))
    for tensor in model.graph.initializer:
        if tensor.name in ('mix_weight', 'mix_bias'):
            value = numpy_helper.to_array(tensor).copy()
            value[0] = 1e-42 if tensor.name == 'mix_weight' else 0
            value[1] = 0 if tensor.name == 'mix_weight' else 0.5
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    mixed = values(quantise(model), ['mix_relu_DequantizeLinear_Output'], BATCHES[0])[0]
    assert np.abs(mixed[:, 0]).max() == 0
    np.testing.assert_allclose(mixed[:, 1], 0.5, atol=0.02)


def test_a_tensor_that_is_all_but_nothing(tmp_path: Path, quantise: Quantise) -> None:
    model = onnx.load(write_convolution_model(tmp_path / 'faint.onnx'))
    for tensor in model.graph.initializer:
        if tensor.name in ('mix_weight', 'lift_weight'):
            value = numpy_helper.to_array(tensor) * np.float32(1e-30)
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    quantised = quantise(model)
    scales = [v for n, v in constants(quantised).items() if n.endswith('_scale')]
    assert all(np.isfinite(v).all() for v in scales)
    assert values(quantised, ['lower_DequantizeLinear_Output'], BATCHES[0])[0].max() < 1e-3


def test_it_is_calibrated_once(source: Path, tmp_path: Path) -> None:
    maker = StaticInt8(onnx.load(source), iter(BATCHES), tmp_path)
    first, second = constants(maker.with_float([])), constants(maker.with_float([]))
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_what_onnxruntime_refuses_is_one_sentence(source: Path, tmp_path: Path) -> None:
    wrong = [np.zeros((1, 8, 8, 3), np.float32)]
    with pytest.raises(ModelError, match=r'onnxruntime cannot quantise the network \(.*export it'):
        StaticInt8(onnx.load(source), wrong, tmp_path).with_float([])


def test_a_frame_that_cannot_be_used_says_so_itself(source: Path, tmp_path: Path) -> None:
    def broken():
        yield BATCHES[0]
        raise DataError('the disk is gone')

    with pytest.raises(DataError, match='the disk is gone'):
        StaticInt8(onnx.load(source), broken(), tmp_path).with_float([])
