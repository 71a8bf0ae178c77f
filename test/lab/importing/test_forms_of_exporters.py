# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks in the forms in which older and other exporters leave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.card import (
    Activation,
    ClassSpec,
    Color,
    ImportCard,
    InputSpec,
    Layout,
    OutputSpec,
)
from drivseg_ros.lab.importing.importer import import_network
from drivseg_ros.model.card import Resize, Role

HEIGHT, WIDTH = 16, 24
IMAGES = np.random.default_rng(3).integers(0, 256, (2, HEIGHT, WIDTH, 3), dtype=np.uint8)
# Class 1, the road, where the three grey levels add up to less than 320.
WEIGHTS = np.array([[0, 0, 0], [-1, -1, -1]], np.float32).reshape(2, 3, 1, 1)
BIAS = np.array([0, 319.5], np.float32)
ROAD = IMAGES.sum(-1, dtype=int) < 320


def road_card(activation: Activation, **input_spec: Any) -> ImportCard:
    return ImportCard(
        InputSpec(Color.RGB, **{'scale': 1.0, 'resize': Resize.STRETCH, **input_spec}),
        (OutputSpec(activation),),
        tuple(ClassSpec(n, (i, i, i), Role.NONE, (i,)) for i, n in enumerate(('rest', 'road'))),
    )


def write(
    path: Path,
    nodes: list[onnx.NodeProto],
    given: tuple[int, list[Any]],
    output: tuple[int, list[Any]],
    *,
    ir: int = 8,
    opset: int = 13,
    listed: bool = False,
    **weights: np.ndarray,
) -> Path:
    """A network from 'x' to 'y'; `listed`: its weights are among its inputs."""
    tensors = {'w': WEIGHTS, 'b': BIAS, **weights}
    inputs = [helper.make_tensor_value_info('x', *given)]
    if listed:
        inputs += [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(t.dtype), t.shape)
            for n, t in tensors.items()
        ]
    graph = helper.make_graph(
        nodes,
        'network',
        inputs,
        [helper.make_tensor_value_info('y', *output)],
        [numpy_helper.from_array(t, n) for n, t in tensors.items()],
    )
    opsets = [helper.make_opsetid('', opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=ir), path)
    return path


def class_ids(path: Path) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    return session.run(['class_ids'], {'image': IMAGES})[0]


@pytest.mark.parametrize(('ir', 'opset'), [(3, 7), (3, 9), (3, 12), (4, 9), (3, 13)])
def test_weights_among_the_inputs(tmp_path: Path, ir: int, opset: int) -> None:
    path = write(
        tmp_path / 'old.onnx',
        [helper.make_node('Conv', ['x', 'w', 'b'], ['y'])],
        (TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH]),
        (TensorProto.FLOAT, [1, 2, HEIGHT, WIDTH]),
        ir=ir,
        opset=opset,
        listed=True,
    )
    made = import_network(path, road_card(Activation.SOFTMAX), tmp_path / 'made.onnx')
    np.testing.assert_array_equal(class_ids(made.file.path), ROAD)
    assert [value.name for value in onnx.load(made.file.path).graph.input] == ['image']


TO_PLANES = helper.make_node('Transpose', ['pixels'], ['planes'], perm=[0, 3, 1, 2])
LAYERS = [
    helper.make_node('Conv', ['planes', 'w', 'b'], ['logits']),
    helper.make_node('ArgMax', ['logits'], ['y'], axis=1, keepdims=0),
]
UINT8 = {
    'cast': [helper.make_node('Cast', ['x'], ['pixels'], to=TensorProto.FLOAT), TO_PLANES],
    'transpose, then cast': [
        helper.make_node('Transpose', ['x'], ['bytes'], perm=[0, 3, 1, 2]),
        helper.make_node('Cast', ['bytes'], ['planes'], to=TensorProto.FLOAT),
    ],
    # Of a graph that rounds in between, where float gives other values.
    'enlarge, then cast': [
        helper.make_node('Transpose', ['x'], ['bytes'], perm=[0, 3, 1, 2]),
        helper.make_node('Resize', ['bytes', '', 'double'], ['large'], mode='linear'),
        helper.make_node('Cast', ['large'], ['floats'], to=TensorProto.FLOAT),
        helper.make_node(
            'AveragePool', ['floats'], ['planes'], kernel_shape=[2, 2], strides=[2, 2]
        ),
    ],
    # Of a quantised network: only uint8 will do here.
    'dequantise': [helper.make_node('DequantizeLinear', ['x', 's', 'z'], ['pixels']), TO_PLANES],
}


@pytest.mark.parametrize('first', UINT8.values(), ids=UINT8.keys())
def test_uint8_pixels(tmp_path: Path, first: list[onnx.NodeProto]) -> None:
    path = write(
        tmp_path / 'network.onnx',
        [*first, *LAYERS],
        (TensorProto.UINT8, [1, HEIGHT, WIDTH, 3]),
        (TensorProto.INT64, [1, HEIGHT, WIDTH]),
        s=np.float32(1),
        z=np.uint8(0),
        double=np.array([1, 1, 2, 2], np.float32),
    )
    card = road_card(Activation.CLASS_IDS, layout=Layout.NHWC)
    made = import_network(path, card, tmp_path / 'made.onnx')
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    expected = np.concatenate([session.run(None, {'x': image[None]})[0] for image in IMAGES])
    np.testing.assert_array_equal(class_ids(made.file.path), expected)
    assert 0 < expected.mean() < 1
    if first is not UINT8['enlarge, then cast']:
        np.testing.assert_array_equal(expected, ROAD)


@pytest.mark.parametrize(
    'scaling', [{'scale': 1 / 255}, {'mean': (1.0, 0.0, 0.0)}, {'std': (1.0, 2.0, 1.0)}]
)
def test_uint8_pixels_that_the_card_scales(tmp_path: Path, scaling: dict[str, Any]) -> None:
    path = write(
        tmp_path / 'network.onnx',
        [*UINT8['cast'], *LAYERS],
        (TensorProto.UINT8, [1, HEIGHT, WIDTH, 3]),
        (TensorProto.INT64, [1, HEIGHT, WIDTH]),
    )
    card = road_card(Activation.CLASS_IDS, layout=Layout.NHWC, **scaling)
    with pytest.raises(ModelError, match='pixels as they are; write scale: 1 into'):
        import_network(path, card, tmp_path / 'made.onnx')


@pytest.mark.parametrize(
    ('axes', 'shape'), [([0], [HEIGHT, WIDTH]), ([0, 1], [WIDTH]), ([0, 1, 2], [])]
)
def test_an_output_without_a_batch_axis(tmp_path: Path, axes: list[int], shape: list[int]) -> None:
    cut = [
        helper.make_node('Conv', ['x', 'w', 'b'], ['logits']),
        helper.make_node('ArgMax', ['logits'], ['ids'], axis=1, keepdims=0),
    ]
    if len(axes) == 1:
        last = [helper.make_node('Squeeze', ['ids', 'axes'], ['y'])]
    else:
        last = [
            helper.make_node('ReduceMax', ['ids'], ['y'], axes=[0, 1, 2][: len(axes)], keepdims=0)
        ]
    path = write(
        tmp_path / 'network.onnx',
        [*cut, *last],
        (TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH]),
        (TensorProto.INT64, shape),
        axes=np.array(axes, np.int64),
    )
    with pytest.raises(ModelError) as caught:
        import_network(path, road_card(Activation.CLASS_IDS), tmp_path / 'made.onnx')
    said = ', '.join(map(str, shape or [1]))
    assert f"its output is 'y' [{said}]; its first axis must be the batch" in str(caught.value)


def test_channels_without_a_batch_axis(tmp_path: Path) -> None:
    """[2, H, W] are no class ids of a batch of 2."""
    path = write(
        tmp_path / 'network.onnx',
        [
            helper.make_node('Conv', ['x', 'w', 'b'], ['logits']),
            helper.make_node('Squeeze', ['logits', 'axes'], ['y']),
        ],
        (TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH]),
        (TensorProto.FLOAT, [2, HEIGHT, WIDTH]),
        axes=np.array([0], np.int64),
    )
    with pytest.raises(ModelError, match=r"'y' \[2, 16, 24\]; its first axis must be the batch"):
        import_network(path, road_card(Activation.SOFTMAX), tmp_path / 'made.onnx')
