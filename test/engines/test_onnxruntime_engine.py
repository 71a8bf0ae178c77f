# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The onnxruntime engine: what it gives, and that it never takes what was not asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_model import write_tiny_model

from drivseg_ros.engines import EngineOptions, create_engine
from drivseg_ros.engines.base import default_threads
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import read_model_file


def random_batch(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 48, 64, 3), np.uint8)


@pytest.mark.parametrize('name', ['auto', 'onnxruntime'])
@pytest.mark.parametrize('n', [1, 3])
def test_infer(tiny_model: Path, name: str, n: int) -> None:
    engine = create_engine(name, read_model_file(tiny_model), EngineOptions(device='cpu'))
    batch = random_batch(n)
    class_ids, confidence = engine.infer(batch, confidence=True)
    assert confidence is not None
    np.testing.assert_array_equal(class_ids, batch.argmax(-1))
    np.testing.assert_array_equal(confidence, batch.max(-1))
    assert engine.infer(batch, confidence=False)[1] is None
    assert (engine.name, engine.device, engine.precision) == ('onnxruntime', 'cpu', 'fp32')
    engine.close()


def test_model_without_confidence(tmp_path: Path) -> None:
    model = read_model_file(write_tiny_model(tmp_path / 'm.onnx', confidence=False))
    engine = create_engine('onnxruntime', model, EngineOptions(device='cpu'))
    assert engine.infer(random_batch(1), confidence=True)[1] is None


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({'device': 'tpu'}, "unknown device 'tpu'; onnxruntime takes 'auto', 'cpu'"),
        ({'device': 'cpu:1'}, "unknown device 'cpu:1'"),
        ({'device': 'cuda:x'}, "unknown device 'cuda:x'"),
        ({'precision': 'fp16'}, "precision 'fp16' was asked for.*is fp32"),
        ({'threads': -1}, '-1 threads'),
        ({'threads': 10_000}, '10000 threads'),
    ],
)
def test_refusals(tiny_model: Path, options: dict, expected: str) -> None:
    with pytest.raises(EngineError, match=expected):
        create_engine('onnxruntime', read_model_file(tiny_model), EngineOptions(**options))


def test_threads(tiny_model: Path) -> None:
    model = read_model_file(tiny_model)
    assert create_engine('onnxruntime', model, EngineOptions(threads=3)).threads == 3
    assert create_engine('onnxruntime', model, EngineOptions()).threads == default_threads() >= 1


def test_wrong_batch_is_an_engine_error(tiny_model: Path) -> None:
    engine = create_engine('onnxruntime', read_model_file(tiny_model), EngineOptions(device='cpu'))
    with pytest.raises(EngineError, match='onnxruntime failed'):
        engine.infer(np.zeros((1, 10, 10, 3), np.uint8), confidence=False)
