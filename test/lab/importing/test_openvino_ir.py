# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO's IR as ONNX: each layer against OpenVINO's own run, and damaged files refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.network import load_network

SHAPE = (1, 4, 13, 18)
RNG = np.random.default_rng(3)
WEIGHTS = RNG.normal(size=(6, 4, 3, 3)).astype(np.float32)
GROUPED = RNG.normal(size=(2, 3, 2, 3, 3)).astype(np.float32)

# One input, one ReLU, one result; the .bin holds eight bytes that nothing needs.
TINY = """<?xml version="1.0"?>
<net name="tiny" version="11"><layers>
<layer id="0" name="data" type="Parameter" version="opset1">
  <data shape="1,3,4,5" element_type="f32"/>
  <output><port id="0" precision="FP32"><dim>1</dim><dim>3</dim><dim>4</dim><dim>5</dim></port>
  </output></layer>
<layer id="1" name="out" type="ReLU" version="opset1">
  <input><port id="0"><dim>1</dim></port></input>
  <output><port id="1" precision="FP32"><dim>1</dim><dim>3</dim><dim>4</dim><dim>5</dim></port>
  </output></layer>
<layer id="2" name="result" type="Result" version="opset1">
  <input><port id="0"><dim>1</dim></port></input></layer>
</layers><edges>
<edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>
<edge from-layer="1" from-port="1" to-layer="2" to-port="0"/>
</edges></net>
"""


@pytest.fixture
def openvino() -> Any:
    return pytest.importorskip(
        'openvino', reason="openvino is not installed: pip install '.[openvino]'"
    )


def pooled(opset: Any, x: Any, name: str, rounding: str, pad: int, exclude: bool) -> Any:
    options = {'strides': [2, 2], 'pads_begin': [pad, pad], 'pads_end': [pad, pad]}
    if name == 'max_pool':
        return opset.max_pool(x, **options, kernel_shape=[3, 3], rounding_type=rounding)
    return opset.avg_pool(
        x, **options, kernel_shape=[3, 3], exclude_pad=exclude, rounding_type=rounding
    )


def interpolated(o1: Any, x: Any, size: list[int], **attributes: Any) -> Any:
    """Interpolate-1 with a size computed from the input's shape, as the zoo's networks have it."""
    shape = o1.strided_slice(o1.shape_of(x), [2], [0], [1], [0], [1])
    factor = o1.constant(np.array(size, np.int64))
    wanted = o1.multiply(o1.add(shape, o1.constant(np.array([0], np.int64))), factor)
    return o1.interpolate(x, wanted, {'axes': [2, 3], **attributes})


Layers = Callable[[Any, Any], Any]
"""From the input and openvino itself to the output."""
LAYERS: dict[str, Layers] = {
    'convolution': lambda x, ov: ov.opset1.convolution(x, WEIGHTS, [2, 1], [1, 0], [0, 1], [1, 2]),
    'convolution, same': lambda x, ov: ov.opset1.convolution(
        x, WEIGHTS, [2, 2], [0, 0], [0, 0], [1, 1], auto_pad='same_upper'
    ),
    'group convolution': lambda x, ov: ov.opset1.group_convolution(
        x, GROUPED, [1, 1], [1, 1], [1, 1], [1, 1]
    ),
    'compressed weights': lambda x, ov: ov.opset1.convolution(
        x,
        ov.opset1.convert(ov.opset1.constant(WEIGHTS.astype(np.float16)), 'f32'),
        [1, 1], [0, 0], [0, 0], [1, 1],
    ),
    'add, subtract, multiply, divide': lambda x, ov: ov.opset1.divide(
        ov.opset1.multiply(
            ov.opset1.subtract(ov.opset1.add(x, np.float32(2)), WEIGHTS[:1, :, :1, :1]), x
        ),
        np.float32(3),
    ),
    'relu': lambda x, ov: ov.opset1.relu(x),
    'prelu': lambda x, ov: ov.opset1.prelu(x, np.array([0.1, 0.2, -0.3, 2], np.float32)),
    'sigmoid': lambda x, ov: ov.opset1.sigmoid(x),
    'clamp': lambda x, ov: ov.opset1.clamp(x, -0.5, 0.25),
    'concat': lambda x, ov: ov.opset1.concat([x, ov.opset1.relu(x)], 1),
    'transpose': lambda x, ov: ov.opset1.transpose(x, np.array([0, 2, 3, 1], np.int64)),
    'softmax': lambda x, ov: ov.opset1.softmax(x, 1),
    'max pool': lambda x, ov: pooled(ov.opset1, x, 'max_pool', 'floor', 1, False),
    'max pool, ceil': lambda x, ov: pooled(ov.opset1, x, 'max_pool', 'ceil', 0, False),
    'average pool': lambda x, ov: pooled(ov.opset1, x, 'avg_pool', 'floor', 1, False),
    'average pool, no pad': lambda x, ov: pooled(ov.opset1, x, 'avg_pool', 'floor', 1, True),
    'average pool, ceil': lambda x, ov: pooled(ov.opset1, x, 'avg_pool', 'ceil', 0, True),
    'align corners': lambda x, ov: interpolated(
        ov.opset1, x, [2, 3], mode='linear', align_corners=True
    ),
    'corners not aligned': lambda x, ov: interpolated(
        ov.opset1, x, [2, 3], mode='linear', align_corners=False
    ),
    'nearest': lambda x, ov: interpolated(
        ov.opset1, x, [2, 3], mode='nearest', align_corners=False
    ),
    'interpolate-11, half pixel': lambda x, ov: ov.opset11.interpolate(
        x, np.array([31, 40], np.int64), 'linear_onnx', 'sizes', axes=np.array([2, 3], np.int64),
        coordinate_transformation_mode='half_pixel',
    ),
    'interpolate-11, nearest': lambda x, ov: ov.opset11.interpolate(
        x, np.array([2, 2], np.float32), 'nearest', 'scales', axes=np.array([2, 3], np.int64),
        coordinate_transformation_mode='asymmetric', nearest_mode='floor',
    ),
    'interpolate-11, align corners': lambda x, ov: ov.opset11.interpolate(
        x, np.array([26, 36], np.int64), 'linear', 'sizes', axes=np.array([2, 3], np.int64),
        coordinate_transformation_mode='align_corners',
    ),
}  # fmt: skip


def saved(openvino: Any, folder: Path, build: Layers, shape: Any = SHAPE) -> Path:
    x = openvino.opset1.parameter(shape, np.float32, 'data')
    path = folder / 'net.xml'
    openvino.save_model(
        openvino.Model([build(x, openvino)], [x]), str(path), compress_to_fp16=False
    )
    return path


def run_onnx(path: Path, value: np.ndarray) -> np.ndarray:
    network = load_network(path)
    session = onnxruntime.InferenceSession(
        network.model.SerializeToString(), providers=['CPUExecutionProvider']
    )
    assert [t.shape for t in network.inputs] == [value.shape]
    return session.run(None, {network.inputs[0].name: value})[0]


def run_openvino(openvino: Any, path: Path, value: np.ndarray) -> np.ndarray:
    compiled = openvino.Core().compile_model(str(path), 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    return next(iter(compiled([value]).values()))


@pytest.mark.parametrize('layers', LAYERS.values(), ids=LAYERS.keys())
def test_layer(tmp_path: Path, openvino: Any, layers: Layers) -> None:
    path = saved(openvino, tmp_path, layers)
    value = RNG.normal(size=SHAPE).astype(np.float32)
    wanted = run_openvino(openvino, path, value)
    np.testing.assert_allclose(run_onnx(path, value), wanted, rtol=1e-4, atol=1e-5)


def test_road_segmentation_adas(shared_data: Path, openvino: Any) -> None:
    path = shared_data / 'networks' / 'road-segmentation-adas-0001.xml'
    value = RNG.integers(0, 256, (1, 3, 512, 896)).astype(np.float32)
    wanted = run_openvino(openvino, path, value)
    given = run_onnx(path, value)
    np.testing.assert_allclose(given, wanted, rtol=0, atol=2e-3)
    network = load_network(path)
    assert (network.format, network.inputs[0].name) == ('OpenVINO IR', 'data')
    # The arithmetic on shapes is done, and nothing of it is left.
    assert not {'Shape', 'Slice'} & {node.op_type for node in network.model.graph.node}


@pytest.mark.parametrize(
    ('build', 'shape', 'expected'),
    [
        (lambda x, ov: ov.opset1.elu(x, 0.5), SHAPE, r"'Elu_\d+' of the type Elu \(opset1\) .* Ad"),
        (lambda x, ov: ov.opset1.relu(x), [1, 3, -1, 8], 'free; reshape the network to one size'),
        (lambda x, ov: ov.opset1.strided_slice(x, [0], [1], [1], [0], [0]), SHAPE, 'StridedSlice'),
        (
            lambda x, ov: ov.opset11.interpolate(
                x, np.array([26, 36], np.int64), 'cubic', 'sizes',
                axes=np.array([2, 3], np.int64),
            ),
            SHAPE,
            "its mode is 'cubic'; export the network to ONNX",
        ),
        (
            lambda x, ov: ov.opset1.interpolate(
                x, np.array([6, 9], np.int64), {'axes': [2, 3], 'mode': 'linear', 'antialias': True}
            ),
            SHAPE,
            'it has antialias or pads',
        ),
    ],
)  # fmt: skip
def test_layer_refused(
    tmp_path: Path, openvino: Any, build: Layers, shape: Any, expected: str
) -> None:
    path = saved(openvino, tmp_path, build, shape)
    with pytest.raises(ModelError, match=expected) as caught:
        load_network(path)
    assert str(path) in str(caught.value)


def tiny(folder: Path, text: str = TINY, weights: bytes | None = bytes(8)) -> Path:
    path = folder / 'tiny.xml'
    path.write_text(text)
    if weights is not None:
        path.with_suffix('.bin').write_bytes(weights)
    return path


CONST = """<layer id="3" name="c" type="Const" version="opset1">
<data element_type="{kind}" offset="{offset}" shape="2" size="{size}"/>
<output><port id="0"><dim>2</dim></port></output></layer></layers>"""


def test_tiny_without_openvino(tmp_path: Path) -> None:
    value = RNG.normal(size=(1, 3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(run_onnx(tiny(tmp_path), value), np.maximum(value, 0))


@pytest.mark.parametrize(
    ('old', 'new', 'expected'),
    [
        ('<net ', '<!DOCTYPE net [<!ENTITY a SYSTEM "file:///etc/hostname">]><net ', 'document ty'),
        ('<net ', '<!DOCTYPE net [<!ENTITY a "aaaa">]><net ', 'document type declaration'),
        ('</net>', '', 'cannot be read as XML'),
        ('version="11"', 'version="7"', "<net version='7'>; an OpenVINO IR, <net> of version 10"),
        ('<dim>4</dim>', '<dim>many</dim>', r'is damaged \(ValueError'),
        ('from-layer="0"', 'from-layer="9"', 'inputs that lead nowhere, or in a circle'),
        ('from-layer="0" from-port="0"', 'from-layer="1" from-port="1"', 'or in a circle'),
        ('port id="1" precision', 'port id="7" precision', r'is damaged \(KeyError'),
        ('</layers>', CONST.format(kind='f32', offset=4, size=8), 'is not within the .bin'),
        ('</layers>', CONST.format(kind='f32', offset=0, size=4), 'is not within the .bin'),
        ('</layers>', CONST.format(kind='f32', offset=-8, size=8), 'is not within the .bin'),
        ('</layers>', CONST.format(kind='u4', offset=0, size=8), "numbers of the type 'u4'"),
    ],
)
def test_damaged(tmp_path: Path, old: str, new: str, expected: str) -> None:
    path = tiny(tmp_path, TINY.replace(old, new, 1))
    with pytest.raises(ModelError, match=expected):
        load_network(path)


def test_without_weights(tmp_path: Path) -> None:
    path = tiny(tmp_path, weights=None)
    with pytest.raises(ModelError, match=r'not its weights .*tiny.bin.* put the .bin beside'):
        load_network(path)
