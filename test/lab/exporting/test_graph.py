# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.lab.exporting.graph import inline_constants


def constant(name, value):
    return helper.make_node('Constant', [], [name], value=numpy_helper.from_array(value))


def test_constants_become_initialisers_and_the_answer_stays():
    two, three = np.float32([2, 2]), np.float32([3, 3])
    nodes = [
        helper.make_node('Identity', ['stored'], ['alias']),
        helper.make_node('Identity', ['alias'], ['alias_of_alias']),
        constant('again', two),
        constant('three', three),
        helper.make_node('Mul', ['x', 'alias_of_alias'], ['a']),
        helper.make_node('Add', ['a', 'again'], ['b']),
        helper.make_node('Identity', ['b'], ['kept']),
        helper.make_node('Sub', ['kept', 'three'], ['y']),
    ]
    graph = helper.make_graph(
        nodes,
        'g',
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, [2])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [2])],
        [numpy_helper.from_array(two, 'stored'), numpy_helper.from_array(three, 'unused')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9)
    tidy = inline_constants(model)
    assert [node.op_type for node in tidy.graph.node] == ['Mul', 'Add', 'Identity', 'Sub']
    assert len(tidy.graph.initializer) == 2
    session = onnxruntime.InferenceSession(
        tidy.SerializeToString(), providers=['CPUExecutionProvider']
    )
    x = np.float32([1, 5])
    np.testing.assert_array_equal(session.run(None, {'x': x})[0], x * 2 + 2 - 3)
