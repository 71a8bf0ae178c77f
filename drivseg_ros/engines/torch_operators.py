# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX operations in torch: arithmetic, reductions, and the table of all.

A function looks at its node, once, and gives what is to be run. The operations are specified at
https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)

from drivseg_ros.engines.torch_layers import LAYERS
from drivseg_ros.engines.torch_nodes import DTYPES, Node, Run
from drivseg_ros.engines.torch_shapes import SHAPES

QUANTISING = ('QuantizeLinear', 'DequantizeLinear', 'QLinearConv', 'ConvInteger', 'MatMulInteger')
"""Operations of int8 graphs, which are refused with an explanation of their own."""


def _same(function: Any) -> Callable[[Node], Run]:
    """An operation without attributes that torch has, too."""
    return lambda node: function


def _divide(node: Node) -> Run:
    if node.dtype().is_floating_point:
        return torch.div
    return functools.partial(torch.div, rounding_mode='trunc')


def _power(node: Node) -> Run:
    dtype = node.dtype()
    return lambda x, y: torch.pow(x, y.to(dtype))


def _modulo(node: Node) -> Run:
    return torch.fmod if node.expect('fmod', 0, 1) else torch.remainder


def _fold(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Node], Run]:
    """An operation of two on any number of inputs."""
    return lambda node: lambda *tensors: functools.reduce(function, tensors)


def _mean(node: Node) -> Run:
    count = len(node.inputs)
    return lambda *tensors: functools.reduce(torch.add, tensors) / count


def _leaky_relu(node: Node) -> Run:
    return functools.partial(F.leaky_relu, negative_slope=node.get('alpha', 0.01))


def _elu(node: Node) -> Run:
    return functools.partial(F.elu, alpha=node.get('alpha', 1.0))


def _hard_sigmoid(node: Node) -> Run:
    alpha, beta = node.get('alpha', 0.2), node.get('beta', 0.5)
    if math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return F.hardsigmoid
    return lambda x: (x * alpha + beta).clamp(0.0, 1.0)


def _gelu(node: Node) -> Run:
    return functools.partial(F.gelu, approximate=node.expect('approximate', 'none', 'tanh'))


def _prelu(node: Node) -> Run:
    shape, slope = node.shape(0), node.shape(1)
    count = math.prod(slope)
    per_channel = len(slope) == len(shape) - 1 and slope[0] == shape[1] == count
    if len(shape) > 1 and (count == 1 or per_channel):
        return lambda x, weight: F.prelu(x, weight.reshape(-1))
    return lambda x, weight: torch.where(x < 0, x * weight, x)


def _clip(node: Node) -> Run:
    if node.opset < 11:
        limits = (node.get('min', -math.inf), node.get('max', math.inf))
        return lambda x: x.clamp(*limits)
    # A limit that is known goes into the call, which spares the operation two tensors.
    low, high = (node.constant(i).item() if node.has(i) else None for i in (1, 2))
    if low is None and high is None:
        return lambda x, *_: x
    return lambda x, *_: x.clamp(low, high)


def _softmax(function: Callable[..., Tensor]) -> Callable[[Node], Run]:
    def build(node: Node) -> Run:
        shape = node.shape()
        if node.opset >= 13:
            return functools.partial(function, dim=node.get('axis', -1))
        # Until opset 12, the softmax of a matrix that the axis cuts the tensor into.
        axis = node.get('axis', 1) % len(shape)
        if math.prod(shape[axis + 1 :]) == 1:
            return functools.partial(function, dim=axis)
        matrix = (math.prod(shape[:axis]), -1)
        return lambda x: function(x.reshape(matrix), dim=1).reshape(shape)

    return build


def _gemm(node: Node) -> Run:
    alpha, beta = node.get('alpha', 1.0), node.get('beta', 1.0)
    turn_a, turn_b = node.get('transA', 0), node.get('transB', 0)

    def run(a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
        product = (a.t() if turn_a else a) @ (b.t() if turn_b else b)
        if alpha != 1.0:
            product = product * alpha
        return product if c is None else product + (c if beta == 1.0 else c * beta)

    return run


def _reduction(function: Callable[..., Tensor]) -> Callable[[Node], Run]:
    def build(node: Node) -> Run:
        axes = node.numbers(1, 'axes')
        keep = bool(node.get('keepdims', 1))
        # PyTorch's exporter writes it beside axes, too, where it means nothing.
        none_is_none = node.get('noop_with_empty_axes', 0)
        if not axes:
            if none_is_none:
                return lambda x, *_: x
            axes = list(range(len(node.shape())))
        return lambda x, *_: function(x, dim=axes, keepdim=keep)

    return build


def _arg_max(node: Node) -> Run:
    node.expect('select_last_index', 0)
    axis, keep = node.get('axis', 0), bool(node.get('keepdims', 1))
    return functools.partial(torch.argmax, dim=axis, keepdim=keep)


def _cast(node: Node) -> Run:
    node.get('saturate')  # of float8 only
    node.get('round_mode')
    number = node.get('to')
    dtype = DTYPES.get(number)
    if dtype is None:
        raise node.error(f'makes a type of number {number}, which the torch engine does not know')
    return lambda x: x.to(dtype)


def _einsum(node: Node) -> Run:
    return functools.partial(torch.einsum, node.get('equation'))


def _dropout(node: Node) -> Run:
    for name in ('ratio', 'seed', 'is_test'):
        node.get(name)
    if node.has(2) and bool(node.constant(2)):
        raise node.error('is in training mode; export the network in evaluation mode')
    return lambda x, *_: x


OPERATORS: dict[str, Callable[[Node], Run]] = {
    **LAYERS,
    **SHAPES,
    **{
        name: _same(function)
        for name, function in {
            'Abs': torch.abs,
            'Add': torch.add,
            'And': torch.logical_and,
            'Ceil': torch.ceil,
            'Cos': torch.cos,
            'Equal': torch.eq,
            'Erf': torch.erf,
            'Exp': torch.exp,
            'Floor': torch.floor,
            'Greater': torch.gt,
            'GreaterOrEqual': torch.ge,
            'HardSwish': F.hardswish,
            'Identity': lambda x: x,
            'Less': torch.lt,
            'LessOrEqual': torch.le,
            'Log': torch.log,
            'MatMul': torch.matmul,
            'Mish': F.mish,
            'Mul': torch.mul,
            'Neg': torch.neg,
            'Not': torch.logical_not,
            'Or': torch.logical_or,
            'Reciprocal': torch.reciprocal,
            'Relu': torch.relu,
            'Round': torch.round,
            'Sigmoid': torch.sigmoid,
            'Sign': torch.sign,
            'Sin': torch.sin,
            'Softplus': lambda x: F.softplus(x, threshold=math.inf),
            'Softsign': F.softsign,
            'Sqrt': torch.sqrt,
            'Sub': torch.sub,
            'Tanh': torch.tanh,
            'Where': torch.where,
            'Xor': torch.logical_xor,
        }.items()
    },
    'ArgMax': _arg_max,
    'Cast': _cast,
    'Clip': _clip,
    'Div': _divide,
    'Dropout': _dropout,
    'Einsum': _einsum,
    'Elu': _elu,
    'Gelu': _gelu,
    'Gemm': _gemm,
    'HardSigmoid': _hard_sigmoid,
    'LeakyRelu': _leaky_relu,
    'LogSoftmax': _softmax(torch.log_softmax),
    'Max': _fold(torch.maximum),
    'Mean': _mean,
    'Min': _fold(torch.minimum),
    'Mod': _modulo,
    'PRelu': _prelu,
    'Pow': _power,
    'ReduceMax': _reduction(torch.amax),
    'ReduceMean': _reduction(torch.mean),
    'ReduceMin': _reduction(torch.amin),
    'ReduceSum': _reduction(torch.sum),
    'Shape': lambda node: torch.clone,  # computed where the graph is gone through
    'Softmax': _softmax(torch.softmax),
    'Sum': _fold(torch.add),
}
"""By the ONNX operation's name."""
