# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is read off a graph before it is quantised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from convolution_model import LAYERS, write_convolution_model
from onnx import helper, numpy_helper

from drivseg_ros.lab.quantising.graph import Graph


def test_convolutions_and_their_relus(source: Path) -> None:
    graph = Graph(onnx.load(source))
    assert [c.output for c in graph.convolutions] == list(LAYERS)
    results = {c.output: c.result for c in graph.convolutions if c.result != c.output}
    assert results == {'mix': 'mix_relu', 'lift': 'lift_relu'}
    assert {c.output: c.source for c in graph.convolutions}['lift'] == 'mix_relu'
    assert {c.group for c in graph.convolutions if c.output == 'blur'} == {12}
    assert graph.outermost == {'spread', 'merge'}
    assert not graph.is_quantised


def test_a_relu_that_is_not_alone_is_not_merged(source: Path) -> None:
    model = onnx.load(source)
    model.graph.node.insert(6, helper.make_node('Identity', ['mix'], ['looked_at']))
    by_name = {c.output: c.result for c in Graph(model).convolutions}
    assert by_name['mix'] == 'mix'


def test_weights_that_are_computed_are_left_alone(source: Path) -> None:
    model = onnx.load(source)
    convolution = next(n for n in model.graph.node if n.output[0] == 'lower')
    convolution.input[1] = 'computed'
    model.graph.node.insert(0, helper.make_node('Neg', ['lower_weight'], ['computed']))
    assert 'lower' not in [c.output for c in Graph(model).convolutions]


@pytest.mark.parametrize(('opset', 'enough'), [(12, False), (13, True), (17, True)])
def test_opset(opset: int, enough: bool, tmp_path: Path) -> None:
    path = write_convolution_model(tmp_path / 'old.onnx', opset=opset)
    assert Graph(onnx.load(path)).can_be_quantised is enough


POSITIVE, MIXED = np.float32([0.5, 2.0]), np.float32([-0.5, 2.0])


@pytest.mark.parametrize(
    ('nodes', 'never_negative'),
    [
        ([('Relu', ['x'])], True),
        ([('Softmax', ['x'])], True),
        ([('Neg', ['x'])], False),
        ([('Relu', ['x']), ('MatMul', ['0', 'positive'])], True),
        ([('Relu', ['x']), ('MatMul', ['0', 'mixed'])], False),
        ([('Relu', ['x']), ('Sigmoid', ['x']), ('Add', ['0', '1'])], True),
        ([('Relu', ['x']), ('Neg', ['x']), ('Concat', ['0', '1'])], False),
        # The shape, which holds a -1, says nothing of the values.
        ([('Relu', ['x']), ('Reshape', ['0', 'shape'])], True),
        ([('Identity', ['x'])], False),
    ],
)
def test_never_negative(nodes: list[tuple[str, list[str]]], never_negative: bool) -> None:
    made = [helper.make_node(op, inputs, [str(i)]) for i, (op, inputs) in enumerate(nodes)]
    last = str(len(nodes) - 1)
    graph = helper.make_graph(
        made,
        'signs',
        [helper.make_tensor_value_info('x', onnx.TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(POSITIVE, 'positive'),
            numpy_helper.from_array(MIXED, 'mixed'),
            numpy_helper.from_array(np.int64([-1]), 'shape'),
        ],
    )
    assert Graph(helper.make_model(graph)).is_never_negative(last) is never_negative
