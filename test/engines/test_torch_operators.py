# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every ONNX operation in torch gives what it gives in onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper
from onnx_graphs import POSITIVE, Case, X, Y, booleans, ints, model_of, noise

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")

from torch_graphs import assert_same  # noqa: E402

from drivseg_ros.engines.torch_operators import OPERATORS  # noqa: E402

FLOAT = TensorProto.FLOAT

UNARY = {
    **dict.fromkeys(('Abs', 'Ceil', 'Cos', 'Erf', 'Exp', 'Floor', 'HardSwish', 'Identity'), X),
    **dict.fromkeys(('Mish', 'Neg', 'Relu', 'Sigmoid', 'Sign', 'Sin', 'Softplus', 'Softsign'), X),
    **dict.fromkeys(('Log', 'Reciprocal', 'Sqrt'), POSITIVE),
    'Tanh': X,
    'Round': np.arange(-5, 5, 0.5, np.float32),
    'Not': booleans(3, 5, seed=2),
}
BINARY = ('Add', 'Sub', 'Mul', 'Div', 'Pow', 'Max', 'Min', 'Sum', 'Mean', 'MatMul')
COMPARISONS = ('Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual')
WEIGHT = noise(6, 4, 3, 3, seed=3)
BIAS = noise(6, seed=4)
UNEVEN = {'pads': [0, 1, 1, 2]}

CASES = [
    *(Case(op, (x,), opset=18 if op == 'Mish' else 17) for op, x in UNARY.items()),
    *(
        Case(op, (POSITIVE, Y if op != 'MatMul' else noise(2, 4, 7, 3, seed=1)))
        for op in BINARY
        if op != 'Pow'
    ),
    *(Case(op, (X,), (noise(4, 1, 1, seed=2),)) for op in BINARY if op not in ('MatMul', 'Pow')),
    *(Case(op, (X.round(1), Y.round(1))) for op in COMPARISONS),
    *(Case(op, (booleans(4, 5, seed=0), booleans(5, seed=1))) for op in ('And', 'Or', 'Xor')),
    Case('Pow', (POSITIVE,), (np.array(2, np.int64),)),
    Case('Pow', (POSITIVE, Y)),
    Case('Div', (ints(-7, 7, 8),), (ints(2, 2, -3),)),
    Case('Mod', (ints(-7, 7, 8),), (ints(4, 4, -3),)),
    Case('Mod', (X,), (np.float32(0.3),), {'fmod': 1}),
    Case('Max', (X, Y, POSITIVE)),
    Case('Where', (booleans(9, 1, seed=0), X, Y)),
    # Activations.
    *(Case('LeakyRelu', attributes=a) for a in ({}, {'alpha': 0.3})),
    *(Case('Elu', attributes=a) for a in ({}, {'alpha': 0.3})),
    *(Case('HardSigmoid', attributes=a) for a in ({}, {'alpha': 1 / 6})),
    *(Case('Gelu', attributes=a, opset=20) for a in ({}, {'approximate': 'tanh'})),
    Case('PRelu', constants=(noise(4, 1, 1),)),
    Case('PRelu', constants=(noise(1),)),
    Case('PRelu', constants=(noise(9, 7),)),
    Case('Clip', constants=(np.float32(-0.3), np.float32(0.4))),
    Case('Clip', constants=(None, np.float32(0.4))),
    Case('Clip'),
    Case('Clip', attributes={'min': -0.3, 'max': 0.2}, opset=10),
    *(Case('Softmax', attributes={'axis': a}) for a in (1, -1)),
    *(Case('Softmax', attributes={'axis': a}, opset=12) for a in (1, 3, -1)),
    Case('LogSoftmax', attributes={'axis': 1}),
    Case('Dropout', constants=(np.float32(0.5),)),
    # Products.
    Case('Gemm', (noise(3, 5),), (noise(5, 2), noise(2))),
    Case('Gemm', (noise(5, 3),), (noise(2, 5),), {'transA': 1, 'transB': 1, 'alpha': 0.5}),
    Case('Gemm', (noise(3, 5),), (noise(5, 2), noise(1, 2)), {'beta': 0.25}),
    Case('Einsum', (X, Y), attributes={'equation': 'bchw,bdhw->bcd'}),
    # Reductions.
    *(
        Case(f'Reduce{how}', attributes={'axes': [2, 3], 'keepdims': keep}, opset=11)
        for how in ('Mean', 'Max', 'Min', 'Sum')
        for keep in (0, 1)
    ),
    Case('ReduceMean', constants=(ints(-1),), opset=18),
    *(
        Case('ReduceMean', constants=(ints(-1),), attributes={'noop_with_empty_axes': n}, opset=18)
        for n in (0, 1)
    ),
    Case('ReduceMax', constants=(ints(1),), attributes={'keepdims': 0}, opset=18),
    Case('ReduceSum'),
    Case('ReduceSum', constants=(ints(),), attributes={'noop_with_empty_axes': 1}),
    Case('ArgMax', (X.round(1),), attributes={'axis': 1, 'keepdims': 0}),
    Case('ArgMax', (X.round(1),)),
    # Types.
    Case('Cast', (X * 100,), attributes={'to': TensorProto.INT32}),
    Case('Cast', (np.arange(256, dtype=np.uint8),), attributes={'to': FLOAT}),
    Case('Cast', (POSITIVE * 255,), attributes={'to': TensorProto.UINT8}),
    Case('Cast', (X,), attributes={'to': TensorProto.FLOAT16}),
    # Shapes.
    Case('Transpose', attributes={'perm': [0, 2, 3, 1]}),
    Case('Transpose'),
    Case('Concat', (X, Y), attributes={'axis': -3}),
    Case('Split', (X,), (ints(1, 3),), {'axis': 1}, outputs=2),
    Case('Split', attributes={'axis': 1}, outputs=2),
    Case('Split', attributes={'axis': 1, 'split': [3, 1]}, opset=11, outputs=2),
    Case('Split', attributes={'axis': 2, 'num_outputs': 2}, opset=18, outputs=2),
    Case('Slice', constants=(ints(1, 0), ints(9, -1), ints(2, 3), ints(2, 1))),
    Case('Slice', constants=(ints(-1), ints(-(2**62)), ints(1), ints(-1))),
    Case('Slice', constants=(ints(7, 6), ints(1, 0), ints(2, 3), ints(-2, -3))),
    Case('Slice', attributes={'starts': [1], 'ends': [3], 'axes': [1]}, opset=9),
    Case('Pad', constants=(ints(0, 0, 1, 2, 0, 0, 3, 0), np.float32(0.5))),
    Case('Pad', constants=(ints(0, 1, 0, 0, 0, 0, 0, -2),)),
    *(
        Case('Pad', constants=(ints(0, 0, 1, 2, 0, 0, 3, 0),), attributes={'mode': mode})
        for mode in ('reflect', 'edge')
    ),
    Case('Pad', constants=(ints(1, 2), None, ints(3)), opset=18),
    Case('Pad', attributes={'pads': [0, 0, 1, 1, 0, 0, 1, 1], 'value': 0.5}, opset=10),
    Case('Reshape', constants=(ints(0, -1, 7),)),
    Case('Reshape', constants=(ints(2, 36, 7),), attributes={'allowzero': 1}),
    *(Case('Flatten', attributes={'axis': a}) for a in (0, 1, 2, -1)),
    Case('Expand', (noise(4, 1, 1),), (ints(2, 1, 3, 5),)),
    Case('Tile', constants=(ints(1, 2, 1, 3),)),
    Case('Squeeze', (noise(1, 3, 1),), (ints(2),)),
    Case('Squeeze', (noise(1, 3, 1),)),
    Case('Squeeze', (noise(1, 3, 1),), attributes={'axes': [0]}, opset=11),
    Case('Unsqueeze', (noise(3, 2),), (ints(0, -1),)),
    Case('Unsqueeze', (noise(3, 2),), attributes={'axes': [1]}, opset=11),
    Case('Gather', constants=(np.array(-1, np.int64),), attributes={'axis': 1}),
    Case('Gather', constants=(ints(2, -1, 0),), attributes={'axis': -3}),
    Case('Gather', constants=(ints(2, -1, 0, 1).reshape(2, 2),), attributes={'axis': 1}),
    Case('Gather', (X, ints(2, -1, 0)), attributes={'axis': 2}),
    Case('Shape'),
    Case('Shape', attributes={'start': 1, 'end': -1}),
    Case('ConstantOfShape', (), (ints(2, 3),)),
    Case(
        'ConstantOfShape',
        (),
        (ints(2, 3),),
        {'value': numpy_helper.from_array(np.array([7], np.int32))},
    ),
    Case('Constant', (), attributes={'value': numpy_helper.from_array(X)}),
    Case('Constant', (), attributes={'value_ints': [1, 2]}),
    Case('Constant', (), attributes={'value_float': 0.5}),
    Case('Range', (), (np.array(1, np.int64), np.array(9, np.int64), np.array(3, np.int64))),
    *(
        Case('DepthToSpace', (noise(2, 8, 3, 5),), attributes={'blocksize': 2, 'mode': mode})
        for mode in ('DCR', 'CRD')
    ),
    Case('SpaceToDepth', (noise(2, 3, 4, 6),), attributes={'blocksize': 2}),
    # Convolutions.
    Case('Conv', constants=(WEIGHT, BIAS)),
    Case('Conv', constants=(WEIGHT,), attributes={'pads': [1] * 4, 'strides': [2, 1]}),
    Case('Conv', constants=(WEIGHT,), attributes={'dilations': [2, 3], 'pads': [2, 3, 2, 3]}),
    Case('Conv', constants=(WEIGHT, BIAS), attributes=UNEVEN),
    Case('Conv', constants=(noise(8, 2, 3, 3), noise(8)), attributes={'group': 2}),
    Case('Conv', (noise(2, 4, 9),), (noise(6, 4, 3),), {'pads': [1, 1]}),
    *(
        Case(
            'Conv', constants=(noise(6, 4, 4, 2),), attributes={'auto_pad': how, 'strides': [2, 3]}
        )
        for how in ('SAME_UPPER', 'SAME_LOWER', 'VALID')
    ),
    Case('ConvTranspose', constants=(noise(4, 6, 2, 2), BIAS), attributes={'strides': [2, 2]}),
    Case('ConvTranspose', constants=(noise(4, 6, 3, 3),), attributes={'pads': [1] * 4}),
    Case('ConvTranspose', constants=(noise(4, 6, 3, 3),), attributes={'strides': [2, 2], **UNEVEN}),
    Case(
        'ConvTranspose',
        constants=(noise(4, 3, 3, 3), BIAS),
        attributes={
            'strides': [2, 2],
            'pads': [1] * 4,
            'output_padding': [1, 1],
            'group': 2,
            'dilations': [2, 1],
        },
    ),
    # Pooling.
    Case('MaxPool', attributes={'kernel_shape': [3, 2], 'strides': [2, 1]}),
    Case('MaxPool', attributes={'kernel_shape': [3, 3], 'pads': [1] * 4, 'dilations': [2, 1]}),
    Case('MaxPool', attributes={'kernel_shape': [3, 3], **UNEVEN}),
    Case('MaxPool', attributes={'kernel_shape': [2, 2], 'strides': [2, 2], 'ceil_mode': 1}),
    Case('AveragePool', attributes={'kernel_shape': [3, 2], 'strides': [2, 1]}),
    *(
        Case('AveragePool', attributes={'kernel_shape': [3, 4], **pads, 'count_include_pad': count})
        for pads in ({'pads': [1] * 4}, UNEVEN)
        for count in (0, 1)
    ),
    Case('AveragePool', attributes={'kernel_shape': [3, 3], 'auto_pad': 'SAME_UPPER'}),
    Case('GlobalAveragePool'),
    Case('GlobalMaxPool'),
    # Normalisation.
    Case(
        'BatchNormalization',
        constants=(noise(4), noise(4, seed=1), noise(4, seed=2), noise(4, low=0.1)),
        attributes={'epsilon': 0.01},
    ),
    Case('InstanceNormalization', constants=(noise(4), noise(4, seed=1))),
    Case(
        'GroupNormalization',
        constants=(noise(4), noise(4, seed=1)),
        attributes={'num_groups': 2, 'epsilon': 0.01},
        opset=21,
    ),
    Case('LayerNormalization', constants=(noise(7), noise(7, seed=1))),
    Case('LayerNormalization', constants=(noise(9, 7),), attributes={'axis': 2, 'epsilon': 0.1}),
]


def case_names() -> list[str]:
    return [f'{case.op}-{index}' for index, case in enumerate(CASES)]


@pytest.mark.parametrize('case', CASES, ids=case_names())
def test_operation(case: Case) -> None:
    assert_same(model_of(case), case.inputs)


COORDINATES = ('half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric')
NEAREST = ('round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil')


@pytest.mark.parametrize('coordinates', COORDINATES)
@pytest.mark.parametrize('mode', ['linear', *NEAREST])
@pytest.mark.parametrize(
    ('scales', 'sizes'),
    [
        ([1, 1, 2, 2], None),
        ([1, 1, 0.5, 1.3], None),
        (None, [2, 4, 18, 14]),
        (None, [2, 4, 5, 15]),
        (None, [2, 4, 1, 1]),
        (None, [2, 4, 9, 7]),
    ],
)
def test_resize(
    coordinates: str, mode: str, scales: list[float] | None, sizes: list[int] | None
) -> None:
    attributes = {
        'coordinate_transformation_mode': coordinates,
        'mode': 'linear' if mode == 'linear' else 'nearest',
    }
    if mode != 'linear':
        attributes['nearest_mode'] = mode
    constants = (
        None,
        None if scales is None else np.array(scales, np.float32),
        None if sizes is None else ints(*sizes),
    )
    case = Case('Resize', (X,), constants[: 2 if sizes is None else 3], attributes)
    assert_same(model_of(case), case.inputs)


def test_every_operation_is_tried() -> None:
    tried = {case.op for case in CASES} | {'Resize'}
    assert tried == set(OPERATORS)
