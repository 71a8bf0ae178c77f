# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX graphs as torch modules: shapes, memory, whole networks, refusals."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_graphs import Case, X, graph_model, ints, model_of, noise, sequence

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812
from torch_graphs import assert_same, by_torch  # noqa: E402

from drivseg_ros.engines.torch_graph import OnnxGraph  # noqa: E402
from drivseg_ros.engines.torch_operators import OPERATORS  # noqa: E402
from drivseg_ros.errors import ModelError  # noqa: E402

FLOAT = TensorProto.FLOAT

SHAPE_ARITHMETIC = sequence(
    ('Shape', ['x'], ['shape'], {}),
    ('Gather', ['shape', 'zero'], ['n'], {'axis': 0}),
    ('Concat', ['n', 'rest'], ['target'], {'axis': 0}),
    ('Reshape', ['x', 'target'], ['rows'], {}),
    ('MatMul', ['rows', 'weight'], ['y'], {}),
    ('Relu', ['y'], ['unused'], {}),
)


def shape_model() -> onnx.ModelProto:
    return graph_model(
        SHAPE_ARITHMETIC,
        inputs={'x': X},
        outputs=['y'],
        constants={'zero': ints(0), 'rest': ints(36, -1), 'weight': noise(7, 2)},
        fixed=False,
    )


@pytest.mark.parametrize('n', [1, 2, 5])
def test_shape_arithmetic_with_a_free_batch(n: int) -> None:
    assert_same(shape_model(), [noise(n, 4, 9, 7)])


def test_a_run_holds_only_what_the_image_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first run with a shape, no shape is computed any more, and nothing unused is."""
    graph = OnnxGraph(shape_model())
    x = torch.from_numpy(X.copy())
    with torch.inference_mode():
        first = graph(x)[0]
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            second = graph(x)[0]
    torch.testing.assert_close(first, second)
    names = {event.key for event in profile.key_averages()}
    assert 'aten::matmul' in names
    assert names.isdisjoint({'aten::cat', 'aten::index_select', 'aten::relu', 'aten::select'})


def test_values_are_freed_after_their_last_reader() -> None:
    """A chain of 40 large values never holds more than three of them."""
    nodes = [helper.make_node('Neg', [f'v{i}'], [f'v{i + 1}']) for i in range(40)]
    model = graph_model(nodes, inputs={'v0': X}, outputs=['v40'])
    graph = OnnxGraph(model)
    alive: list[weakref.ref] = []
    most = 0
    original = torch.neg

    def watched(x: Any) -> Any:
        nonlocal most
        result = original(x)
        if result.device.type == 'cpu':
            alive.append(weakref.ref(result))
            most = max(most, sum(ref() is not None for ref in alive))
        return result

    patched = {**OPERATORS, 'Neg': lambda node: watched}
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setattr('drivseg_ros.engines.torch_graph.OPERATORS', patched)
        graph(torch.from_numpy(X.copy()))
    assert len(alive) == 40
    assert most <= 3


def test_outputs_that_are_not_wanted_are_not_computed() -> None:
    nodes = sequence(('Relu', ['x'], ['a'], {}), ('Neg', ['x'], ['b'], {}))
    graph = OnnxGraph(graph_model(nodes, inputs={'x': X}, outputs=['a', 'b']))
    x = torch.from_numpy(X.copy())
    with torch.inference_mode():
        (b,) = graph(x, outputs=['b'])
        assert len(graph(x)) == 2
    np.testing.assert_array_equal(b.numpy(), -X)


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_half_types(dtype: str) -> None:
    """Constants and Casts of both half types; the reference computes in float64."""
    number = {'float16': TensorProto.FLOAT16, 'bfloat16': TensorProto.BFLOAT16}[dtype]
    weight = noise(7, 5)
    half = helper.make_tensor('w', number, weight.shape, weight.reshape(-1).tolist())
    nodes = sequence(
        ('Cast', ['x'], ['h'], {'to': number}),
        ('MatMul', ['h', 'w'], ['m'], {}),
        ('Cast', ['m'], ['y'], {'to': FLOAT}),
    )
    model = graph_model(nodes, inputs={'x': X}, outputs=['y'], opset=22)
    model.graph.initializer.append(half)
    (y,) = by_torch(model, [X])
    np.testing.assert_allclose(y, X.astype(np.float64) @ weight, atol=0.05)
    assert y.dtype == np.float32


def quantised() -> onnx.ModelProto:
    nodes = sequence(('QuantizeLinear', ['x', 's', 'z'], ['y'], {}))
    constants = {'s': np.float32(0.1), 'z': np.uint8(128)}
    constants = {name: np.array(value) for name, value in constants.items()}
    return graph_model(nodes, inputs={'x': X}, outputs=['y'], constants=constants)


LIVE_SHAPE = graph_model(
    sequence(('Reshape', ['x', 's'], ['y'], {})), inputs={'x': X, 's': ints(-1)}, outputs=['y']
)
FOREIGN = helper.make_node('Attention', ['x0'], ['y0'], name='it', domain='com.microsoft')


@pytest.mark.parametrize(
    ('model', 'expected'),
    [
        (
            model_of(Case('NonMaxSuppression')),
            "NonMaxSuppression 'it' is an operation that the torch engine does not know; it knows "
            'Abs, Add.*Take another engine',
        ),
        (
            graph_model([FOREIGN], inputs={'x0': X}, outputs=['y0']),
            "Attention 'it' of com.microsoft is an operation that",
        ),
        (quantised(), 'QuantizeLinear .*int8 graphs run on.*onnxruntime, openvino and tensorrt'),
        (
            model_of(Case('Relu', attributes={'slope': 0.1})),
            r"Relu 'it' has the attributes \['slope'\], which the torch engine does not know",
        ),
        (
            model_of(Case('Resize', constants=(None, noise(4)), attributes={'mode': 'cubic'})),
            "Resize 'it' has mode = 'cubic'; the torch engine knows 'nearest', 'linear' here",
        ),
        (
            model_of(
                Case(
                    'Resize',
                    constants=(None, noise(4)),
                    attributes={'coordinate_transformation_mode': 'tf_crop_and_resize'},
                )
            ),
            "has coordinate_transformation_mode = 'tf_crop_and_resize'",
        ),
        (LIVE_SHAPE, 'Reshape .*takes its input 1 from the content of the image'),
        (
            model_of(Case('MaxPool', attributes={'kernel_shape': [2, 2]}, outputs=2)),
            "MaxPool 'it' has 2 outputs; the torch engine computes the first 1",
        ),
        (
            model_of(
                Case(
                    'AveragePool',
                    attributes={'kernel_shape': [2, 2], 'strides': [2, 2], 'ceil_mode': 1},
                )
            ),
            "AveragePool 'it' has windows that reach over the border",
        ),
        (
            model_of(Case('Conv', constants=(noise(6, 5, 3, 3),))),
            r"Conv 'it' cannot be run on inputs \[\('float32', 2, 4, 9, 7\)",
        ),
        (
            model_of(Case('Cast', attributes={'to': TensorProto.COMPLEX64})),
            "Cast 'it' makes a type of number 14",
        ),
    ],
)
def test_refusals(model: onnx.ModelProto, expected: str) -> None:
    inputs = [torch.from_numpy(X.copy()), torch.tensor([-1])]
    with pytest.raises(ModelError, match=expected):
        OnnxGraph(model)(*inputs[: len(model.graph.input)])


def test_inputs_that_do_not_fit() -> None:
    graph = OnnxGraph(shape_model())
    with pytest.raises(ModelError, match=r"input 'x' was given as torch\.uint8; it is"):
        graph(torch.zeros(1, 4, 9, 7, dtype=torch.uint8))
    with pytest.raises(ModelError, match=r"2 inputs were given to a graph that takes \['x'\]"):
        graph(torch.zeros(1, 4, 9, 7), torch.zeros(1))


class Attention(nn.Module):
    """A block in the manner of SegFormer: overlapping patches, attention with reduced keys."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 7, stride=4, padding=3)
        self.norm = nn.LayerNorm(16)
        self.reduce = nn.Conv2d(16, 16, 2, stride=2)
        self.qkv = nn.ModuleList(nn.Linear(16, 16) for _ in range(3))
        self.mix = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 5))

    def forward(self, x: Any) -> Any:
        x = self.patches(x)
        n, c, h, w = x.shape
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        fewer = self.reduce(tokens.transpose(1, 2).reshape(n, c, h, w)).flatten(2).transpose(1, 2)
        q, k, v = (
            f(t).reshape(n, -1, 2, c // 2).permute(0, 2, 1, 3)
            for f, t in zip(self.qkv, (tokens, fewer, fewer), strict=True)
        )
        weights = (q @ k.transpose(-2, -1) / 8**0.5).softmax(dim=-1)
        tokens = tokens + (weights @ v).transpose(1, 2).reshape(n, -1, c)
        y = self.mix(tokens).transpose(1, 2).reshape(n, 5, h, w)
        return F.interpolate(y, scale_factor=4, mode='bilinear', align_corners=False)


class Pyramid(nn.Module):
    """A block in the manner of YOLOP: slices, pooling at several scales, up-sampling, heads."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(12, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Hardswish())
        self.down = nn.Sequential(nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.LeakyReLU(0.1))
        self.head = nn.ConvTranspose2d(40, 2, 2, stride=2)

    def forward(self, x: Any) -> Any:
        parts = [x[..., i::2, j::2] for j in (0, 1) for i in (0, 1)]
        fine = self.stem(torch.cat(parts, dim=1))
        coarse = self.down(fine)
        pools = [F.max_pool2d(coarse, k, stride=1, padding=k // 2) for k in (5, 9, 13)]
        coarse = F.interpolate(torch.cat([coarse, *pools], dim=1), scale_factor=2, mode='nearest')
        return self.head(torch.cat([fine, coarse], dim=1)).sigmoid()


@pytest.mark.parametrize('make', [Attention, Pyramid])
@pytest.mark.parametrize('n', [1, 3])
def test_networks_as_torch_exports_them(make: Callable[[], Any], n: int, tmp_path: Path) -> None:
    """With a free batch, and all the shape arithmetic that the exporter writes for it."""
    torch.manual_seed(0)
    network = make().eval()
    path = tmp_path / 'm.onnx'
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            network,
            (torch.zeros(2, 3, 32, 48),),
            str(path),
            input_names=['x'],
            dynamic_axes={'x': {0: 'N'}},
            opset_version=17,
            dynamo=False,
        )
    x = noise(n, 3, 32, 48)
    model = onnx.load(path)
    assert_same(model, [x])
    with torch.inference_mode():
        np.testing.assert_allclose(
            by_torch(model, [x])[0], network(torch.from_numpy(x)), rtol=1e-4, atol=1e-5
        )


NETWORKS = ('twinlitenet', 'twinlitenetplus_small', 'twinlitenetplus_nano')


@pytest.mark.parametrize('name', NETWORKS)
def test_other_peoples_networks(shared_data: Path, name: str) -> None:
    model = onnx.load(shared_data / 'networks' / f'{name}.onnx')
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    # Lane lines of nano have logits near 1e3.
    assert_same(model, [noise(*shape, low=0.0)], rtol=1e-4, atol=2e-3)
