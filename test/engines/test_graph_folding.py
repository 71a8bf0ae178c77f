# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Folding of batch normalisations changes the graph and not its answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx_graphs import X, by_onnxruntime, graph_model, noise, sequence

from drivseg_ros.engines.graph_folding import fold_batch_norms

STATISTICS = {
    'scale': noise(6),
    'shift': noise(6, seed=1),
    'mean': noise(6, seed=2),
    'variance': noise(6, seed=3, low=0.1),
}
NORM: tuple[str, list[str], list[str], dict[str, Any]] = (
    'BatchNormalization',
    ['a', *STATISTICS],
    ['b'],
    {'epsilon': 0.01},
)


@pytest.mark.parametrize(
    ('op', 'weights', 'attributes', 'behind', 'outputs', 'left'),
    [
        ('Conv', [noise(6, 4, 3, 3)], {}, [], ['b'], 0),
        ('Conv', [noise(6, 2, 3, 3), noise(6, seed=5)], {'group': 2}, [], ['b'], 0),
        ('ConvTranspose', [noise(4, 6, 2, 2), noise(6)], {'strides': [2, 2]}, [], ['b'], 0),
        ('ConvTranspose', [noise(4, 3, 2, 2)], {'group': 2}, [], ['b'], 0),
        # Somebody else reads the convolution's output, or it is an output of the graph.
        ('Conv', [noise(6, 4, 3, 3)], {}, [('Add', ['a', 'b'], ['c'], {})], ['c'], 1),
        ('Conv', [noise(6, 4, 3, 3)], {}, [], ['a', 'b'], 1),
        # Twice in a row.
        (
            'Conv',
            [noise(6, 4, 3, 3)],
            {},
            [('BatchNormalization', ['b', *STATISTICS], ['c'], {})],
            ['c'],
            0,
        ),
    ],
)
def test_fold(
    op: str, weights: list, attributes: dict, behind: list, outputs: list[str], left: int
) -> None:
    constants = {f'w{i}': w for i, w in enumerate(weights)}
    model = graph_model(
        sequence((op, ['x', *constants], ['a'], attributes), NORM, *behind),
        inputs={'x': X},
        outputs=outputs,
        constants={**constants, **STATISTICS},
    )
    before = model.SerializeToString()
    folded = fold_batch_norms(model)
    onnx.checker.check_model(folded)
    assert model.SerializeToString() == before
    ops = [node.op_type for node in folded.graph.node]
    assert ops.count('BatchNormalization') == left
    for wanted, given in zip(by_onnxruntime(model, [X]), by_onnxruntime(folded, [X]), strict=True):
        np.testing.assert_allclose(given, wanted, rtol=1e-5, atol=1e-5)


def test_a_weight_that_is_no_constant_stays() -> None:
    weight = noise(6, 4, 3, 3)
    model = graph_model(
        sequence(('Conv', ['x', 'w'], ['a'], {}), NORM),
        inputs={'x': X, 'w': weight},
        outputs=['b'],
        constants=STATISTICS,
    )
    assert [n.op_type for n in fold_batch_norms(model).graph.node] == ['Conv', NORM[0]]
