# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ENGINE[:PRECISION][@DEVICE]."""

from __future__ import annotations

import pytest

from drivseg_ros.engines.spec import EngineSpec
from drivseg_ros.errors import ParameterError


@pytest.mark.parametrize(
    ('text', 'expected', 'printed'),
    [
        ('onnxruntime', ('onnxruntime', 'auto', 'cpu'), 'onnxruntime@cpu'),
        (' openvino:bf16', ('openvino', 'bf16', 'cpu'), 'openvino:bf16@cpu'),
        ('torch:fp16@cuda:1', ('torch', 'fp16', 'cuda:1'), 'torch:fp16@cuda:1'),
        ('torch@cuda', ('torch', 'auto', 'cuda'), 'torch@cuda'),
    ],
)
def test_what_can_be_written(text: str, expected: tuple[str, str, str], printed: str) -> None:
    spec = EngineSpec.parse(text, device='cpu')
    assert (spec.engine, spec.precision, spec.device) == expected
    assert str(spec) == printed
    assert EngineSpec.parse(str(spec), device='other') == spec


@pytest.mark.parametrize('text', ['', 'onnx', 'torch:', 'torch:half', 'torch@', ':fp16', 'a,b'])
def test_what_cannot(text: str) -> None:
    with pytest.raises(ParameterError, match=r'is no ENGINE\[:PRECISION\]\[@DEVICE\]; engines are'):
        EngineSpec.parse(text, device='cpu')


def test_a_model_may_have_an_engine_of_its_own() -> None:
    default = [EngineSpec.parse('torch', device='cuda')]
    assert EngineSpec.parse_model('a.onnx', default=default, device='cuda') == ('a.onnx', default)
    name, specs = EngineSpec.parse_model('b=openvino@cpu', default=[], device='cuda')
    assert (name, [str(s) for s in specs]) == ('b', ['openvino@cpu'])
    with pytest.raises(ParameterError, match="'' is no ENGINE"):
        EngineSpec.parse_model('a=', default=default, device='cuda')
