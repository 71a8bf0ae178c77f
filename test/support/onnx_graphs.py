# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small ONNX graphs, and what onnxruntime makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper


def noise(*shape: int, seed: int = 0, low: float = -1.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, 1.0, shape).astype(np.float32)


def ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def booleans(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < 0.5


X = noise(2, 4, 9, 7)
Y = noise(2, 4, 9, 7, seed=1)
POSITIVE = noise(2, 4, 9, 7, low=0.1)


@dataclass(frozen=True)
class Case:
    """One node: `inputs` come at run time, `constants` are in the graph, behind the inputs."""

    op: str
    inputs: Sequence[np.ndarray] = (X,)
    constants: Sequence[np.ndarray | None] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 17
    outputs: int = 1


def model_of(case: Case, *, fixed: bool = True) -> onnx.ModelProto:
    inputs = [f'x{i}' for i in range(len(case.inputs))]
    names = ['' if c is None else f'c{i}' for i, c in enumerate(case.constants)]
    outputs = [f'y{i}' for i in range(case.outputs)]
    node = helper.make_node(case.op, [*inputs, *names], outputs, name='it', **case.attributes)
    return graph_model(
        [node],
        inputs=dict(zip(inputs, case.inputs, strict=True)),
        constants={n: c for n, c in zip(names, case.constants, strict=True) if c is not None},
        outputs=outputs,
        opset=case.opset,
        fixed=fixed,
    )


def graph_model(
    nodes: list[onnx.NodeProto],
    *,
    inputs: dict[str, np.ndarray],
    outputs: Sequence[str],
    constants: dict[str, np.ndarray] | None = None,
    opset: int = 17,
    fixed: bool = True,
) -> onnx.ModelProto:
    def describe(name: str, array: np.ndarray) -> onnx.ValueInfoProto:
        shape: list = list(array.shape)
        if not fixed:
            shape[0] = 'N'
        return helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), shape
        )

    graph = helper.make_graph(
        nodes,
        'graph',
        [describe(name, array) for name, array in inputs.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid('', opset), helper.make_opsetid('com.microsoft', 1)]
    return onnx.shape_inference.infer_shapes(
        helper.make_model(graph, opset_imports=opsets, ir_version=9 if opset < 22 else 10)
    )


def by_onnxruntime(model: onnx.ModelProto, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=['CPUExecutionProvider']
    )
    names = [node.name for node in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))


def sequence(*ops: tuple[str, list[str], list[str], dict]) -> list[onnx.NodeProto]:
    return [helper.make_node(op, i, o, name=f'{op}_{o[0]}', **a) for op, i, o, a in ops]
