# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs in fp16 and bf16: valid, half where it counts, float32 where it matters, same masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from drivseg_ros.engines.graph_precision import convert_precision
from drivseg_ros.errors import ModelError
from drivseg_ros.model.file import ModelFile
from drivseg_ros.model.store import find_model, list_models
from drivseg_ros.scenes import random_frame

SHIPPED = [
    model.path.stem
    for model in list_models()
    if isinstance(model, ModelFile) and model.card.precision == 'fp32'
]
HALVES = {'fp16': TensorProto.FLOAT16, 'bf16': TensorProto.BFLOAT16}


def weights(*shape: int, seed: int = 0, scale: float = 0.3) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=shape) * scale
    # Without a mean, no output channel wins everywhere.
    return (values - values.mean(tuple(range(1, len(shape))), keepdims=True)).astype(np.float32)


def graph_of(
    body: list[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    *,
    opset: int = 17,
    argmax: bool = True,
) -> onnx.ModelProto:
    """uint8 'image' -> 'x' [N, 3, 12, 16] -> body -> 'logits' -> 'class_ids'."""
    nodes = [
        helper.make_node('Cast', ['image'], ['cast'], to=TensorProto.FLOAT),
        helper.make_node('Transpose', ['cast'], ['planes'], perm=[0, 3, 1, 2]),
        helper.make_node('Mul', ['planes', 'scale'], ['x']),
        *body,
    ]
    output = helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['N', 3, None, None])
    if argmax:
        output = helper.make_tensor_value_info('class_ids', TensorProto.UINT8, ['N', None, None])
        nodes += [
            helper.make_node('ArgMax', ['logits'], ['ids'], 'choice', axis=1, keepdims=0),
            helper.make_node('Cast', ['ids'], ['class_ids'], to=TensorProto.UINT8),
        ]
    initializers = [
        numpy_helper.from_array(value, name)
        for name, value in {'scale': np.array(1 / 255, np.float32), **constants}.items()
    ]
    graph = helper.make_graph(
        nodes,
        'test',
        [helper.make_tensor_value_info('image', TensorProto.UINT8, ['N', 12, 16, 3])],
        [output],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=9)
    helper.set_model_props(model, {'drivseg.card': 'kept'})
    onnx.checker.check_model(model, full_check=True)
    return model


def conv(source: str, to: str, weight: str) -> onnx.NodeProto:
    return helper.make_node('Conv', [source, weight], [to], to, pads=[1, 1, 1, 1])


NETWORKS: dict[str, tuple[list[onnx.NodeProto], dict[str, np.ndarray]]] = {
    # An activation and an attention use the operations that the choice of the class uses, too.
    'sigmoid and softmax inside': (
        [
            conv('x', 'a', 'w1'),
            helper.make_node('Sigmoid', ['a'], ['gate'], 'gate'),
            helper.make_node('Mul', ['a', 'gate'], ['silu']),
            helper.make_node('Softmax', ['silu'], ['attention'], 'attention', axis=1),
            helper.make_node('Mul', ['silu', 'attention'], ['b']),
            conv('b', 'logits', 'w2'),
        ],
        {'w1': weights(8, 3, 3, 3), 'w2': weights(3, 8, 3, 3, seed=1, scale=3)},
    ),
    'softmax last': (
        [
            conv('x', 'a', 'w1'),
            conv('a', 'b', 'w2'),
            helper.make_node('Softmax', ['b'], ['logits'], 'probabilities', axis=1),
        ],
        {'w1': weights(8, 3, 3, 3), 'w2': weights(3, 8, 3, 3, seed=1, scale=3)},
    ),
    'resize': (
        [
            conv('x', 'a', 'w1'),
            helper.make_node('AveragePool', ['a'], ['small'], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node('Resize', ['small', '', 'twice'], ['logits'], 'up', mode='linear'),
        ],
        {'w1': weights(3, 3, 3, 3, seed=5, scale=3), 'twice': np.array([1, 1, 2, 2], np.float32)},
    ),
    'sizes computed in float': (
        [
            conv('x', 'a', 'w1'),
            helper.make_node('Shape', ['a'], ['shape']),
            helper.make_node('Cast', ['shape'], ['sizes'], to=TensorProto.FLOAT),
            helper.make_node('Mul', ['sizes', 'factors'], ['larger'], 'sizes'),
            helper.make_node('Cast', ['larger'], ['target'], to=TensorProto.INT64),
            helper.make_node('Resize', ['a', '', '', 'target'], ['logits'], 'up', mode='linear'),
        ],
        {'w1': weights(3, 3, 3, 3, scale=3), 'factors': np.array([1, 1, 2, 2], np.float32)},
    ),
    'matmul': (
        [
            helper.make_node('Transpose', ['x'], ['last'], perm=[0, 2, 3, 1]),
            helper.make_node('MatMul', ['last', 'm'], ['mixed'], 'mixed'),
            helper.make_node('Transpose', ['mixed'], ['logits'], perm=[0, 3, 1, 2]),
        ],
        {'m': weights(3, 3, scale=3)},
    ),
    'deconvolution': (
        [
            conv('x', 'a', 'w1'),
            helper.make_node('ConvTranspose', ['a', 'd'], ['up'], 'up', strides=[2, 2]),
            helper.make_node('Relu', ['up'], ['b'], 'relu'),
            conv('b', 'logits', 'w2'),
        ],
        {
            'w1': weights(8, 3, 3, 3),
            'd': weights(8, 8, 2, 2, seed=2),
            'w2': weights(3, 8, 3, 3, seed=1, scale=3),
        },
    ),
}


def types_of(model: onnx.ModelProto) -> dict[str, int]:
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, check_type=True)
    graph = inferred.graph
    types = {t.name: t.data_type for t in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        types[value.name] = value.type.tensor_type.elem_type
    return types


def node_types(model: onnx.ModelProto, name: str) -> tuple[int, int]:
    """The types of a node's first input and output."""
    types = types_of(model)
    node = next(n for n in model.graph.node if n.name == name)
    return types[node.input[0]], types[node.output[0]]


def run(model: onnx.ModelProto, image: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=['CPUExecutionProvider']
    )
    return session.run(None, {'image': image})


def same(a: np.ndarray, b: np.ndarray) -> float:
    return float((a == b).mean())


@pytest.mark.parametrize('precision', HALVES)
@pytest.mark.parametrize('name', NETWORKS)
def test_a_converted_graph_is_valid_and_gives_the_same_masks(name: str, precision: str) -> None:
    model = graph_of(*NETWORKS[name])
    before = model.SerializeToString()
    converted = convert_precision(model, precision)
    assert model.SerializeToString() == before
    onnx.checker.check_model(converted, full_check=True)
    assert converted.metadata_props[0].value == 'kept'
    assert list(converted.graph.input) == list(model.graph.input)
    assert [o.name for o in converted.graph.output] == ['class_ids']
    types = types_of(converted)
    layers = [n for n in converted.graph.node if n.op_type in ('Conv', 'ConvTranspose', 'MatMul')]
    assert layers
    for node in layers:
        assert {types[n] for n in (*node.input, *node.output)} == {HALVES[precision]}, node.name
    assert types['x'] == TensorProto.FLOAT
    assert node_types(converted, 'choice')[0] == TensorProto.FLOAT
    image = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 3), np.uint8)
    expected = run(model, image)[0]
    assert len(np.unique(expected)) > 1
    # onnxruntime has few half kernels for CPUs, and computes in float32 between half tensors; the
    # reference implementation rounds after every operation.
    reference = ReferenceEvaluator(converted).run(None, {'image': image})[0]
    assert same(reference, expected) >= 0.97
    if precision == 'fp16':
        assert same(run(converted, image)[0], expected) >= 0.97


@pytest.mark.parametrize(
    ('name', 'node', 'is_half'),
    [
        ('sigmoid and softmax inside', 'gate', True),
        ('sigmoid and softmax inside', 'attention', True),
        ('softmax last', 'probabilities', False),
        ('resize', 'up', True),
        ('sizes computed in float', 'sizes', False),
        ('sizes computed in float', 'up', True),
    ],
)
def test_what_is_half(name: str, node: str, is_half: bool) -> None:
    converted = convert_precision(graph_of(*NETWORKS[name]), 'fp16')
    wanted = TensorProto.FLOAT16 if is_half else TensorProto.FLOAT
    assert node_types(converted, node) == (wanted, wanted)


def test_operations_to_keep() -> None:
    model = graph_of(*NETWORKS['deconvolution'])
    kept = convert_precision(model, 'bf16', keep=('ConvTranspose',))
    onnx.checker.check_model(kept, full_check=True)
    assert node_types(kept, 'up') == (TensorProto.FLOAT, TensorProto.FLOAT)
    assert node_types(kept, 'relu') == (TensorProto.BFLOAT16, TensorProto.BFLOAT16)
    fp16 = convert_precision(model, 'fp16', keep=('ConvTranspose',))
    image = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 3), np.uint8)
    assert same(run(fp16, image)[0], run(model, image)[0]) >= 0.98


def test_fp32_is_a_copy() -> None:
    model = graph_of(*NETWORKS['resize'])
    copy = convert_precision(model, 'fp32')
    assert copy == model
    assert copy is not model


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        (np.full((1, 3, 1, 1), -1e9), np.finfo(np.float16).min),
        (np.array(1e-12), np.finfo(np.float16).smallest_subnormal),
        (np.array(-1e-12), -np.finfo(np.float16).smallest_subnormal),
        (np.array(np.inf), np.inf),
        (np.array(0.5), 0.5),
    ],
)
def test_constants_beyond_fp16(value: np.ndarray, expected: float) -> None:
    body = [conv('x', 'a', 'w1'), helper.make_node('Add', ['a', 'c'], ['logits'])]
    constants = {'w1': weights(3, 3, 3, 3), 'c': value.astype(np.float32)}
    converted = convert_precision(graph_of(body, constants), 'fp16')
    add = next(n for n in converted.graph.node if n.op_type == 'Add')
    constant = next(t for t in converted.graph.initializer if t.name == add.input[1])
    found = numpy_helper.to_array(constant)
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, np.full(value.shape, expected, np.float16))


def test_bf16_constants_are_rounded_to_the_nearest() -> None:
    # ml_dtypes is the reference where it is installed; these are from the definition by hand.
    table = {
        1.0: 0x3F80,
        -2.0: 0xC000,
        1.00390625: 0x3F80,  # halfway, to even: down
        1.01171875: 0x3F82,  # halfway, to even: up
        1.005: 0x3F81,
        3.4e38: 0x7F80,  # beyond the largest: infinity
        np.inf: 0x7F80,
        1e-40: 0x0001,
        0.0: 0x0000,
    }
    value = np.array(list(table), np.float32).reshape(1, -1, 1, 1)
    body = [conv('x', 'a', 'w1'), helper.make_node('Add', ['a', 'c'], ['logits'])]
    constants = {'w1': weights(len(table), 3, 3, 3), 'c': value}
    converted = convert_precision(graph_of(body, constants), 'bf16')
    add = next(n for n in converted.graph.node if n.op_type == 'Add')
    tensor = next(t for t in converted.graph.initializer if t.name == add.input[1])
    assert tensor.data_type == TensorProto.BFLOAT16
    assert list(tensor.dims) == list(value.shape)
    found = np.frombuffer(tensor.raw_data, '<u2')
    assert [hex(bits) for bits in found] == [hex(bits) for bits in table.values()]


def quantised() -> onnx.ModelProto:
    body = [
        helper.make_node('QuantizeLinear', ['x', 's'], ['q']),
        helper.make_node('DequantizeLinear', ['q', 's'], ['d']),
        conv('d', 'logits', 'w'),
    ]
    return graph_of(body, {'w': weights(3, 3, 3, 3), 's': np.array(0.01, np.float32)})


def branching() -> onnx.ModelProto:
    inner = helper.make_graph(
        [helper.make_node('Relu', ['a'], ['r'])], 'inner', [],
        [helper.make_tensor_value_info('r', TensorProto.FLOAT, None)],
    )  # fmt: skip
    body = [
        conv('x', 'a', 'w'),
        helper.make_node('ReduceMax', ['a'], ['top'], keepdims=0),
        helper.make_node('Cast', ['top'], ['which'], to=TensorProto.BOOL),
        helper.make_node('If', ['which'], ['logits'], 'branch', then_branch=inner,
                         else_branch=inner),
    ]  # fmt: skip
    return graph_of(body, {'w': weights(3, 3, 3, 3)})


@pytest.mark.parametrize(
    ('make', 'precision', 'expected'),
    [
        (lambda: graph_of(*NETWORKS['resize']), 'int8', "turned into 'int8'; fp32, fp16, bf16"),
        (quantised, 'fp16', 'quantised graph cannot be turned into fp16'),
        (branching, 'fp16', "If 'branch' has a graph of its own"),
        (
            lambda: convert_precision(graph_of(*NETWORKS['resize']), 'fp16'),
            'bf16',
            "Conv 'a' is fp16 already",
        ),
        (
            lambda: graph_of(
                [conv('x', 'logits', 'w')],
                {'w': weights(3, 3, 3, 3)},
                argmax=False,
            ),
            'fp16',
            "'logits' is a float32 output",
        ),
    ],
)
def test_refusals(make: Any, precision: str, expected: str) -> None:
    model = make()
    with pytest.raises(ModelError, match=expected):
        convert_precision(model, precision)


@pytest.mark.parametrize('name', SHIPPED)
def test_shipped_models_on_rendered_scenes(name: str) -> None:
    model = find_model(name)
    card = model.card
    rng = np.random.default_rng(3)
    scene = random_frame(3, card.input_width, card.input_height).image
    noise = rng.integers(0, 256, scene.shape, np.uint8)
    _compare(onnx.load(model.path), np.stack([scene, noise][: model.batch or 2]))


@pytest.mark.parametrize('name', SHIPPED)
def test_shipped_models_on_real_frames(name: str, shared_data: Path) -> None:
    model = find_model(name)
    card = model.card
    images = sorted((shared_data / 'bdd100k_drivable' / 'images').glob('*.jpg'))[:4]
    frames = [
        cv2.resize(cv2.imread(str(path))[..., ::-1], (card.input_width, card.input_height))
        for path in images
    ]
    for frame in frames:
        _compare(onnx.load(model.path), frame[None])


def _compare(model: onnx.ModelProto, images: np.ndarray) -> None:
    converted = convert_precision(model, 'fp16')
    onnx.checker.check_model(converted, full_check=True)
    (ids, confidence), (found_ids, found_confidence) = run(model, images), run(converted, images)
    assert same(ids, found_ids) >= 0.995
    assert np.quantile(np.abs(confidence.astype(int) - found_confidence), 0.99) <= 8
