# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The TensorRT engine's copies, graphs and frees, followed in the host's memory."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cuda_in_memory import CudaInMemory, tensorrt_in_memory
from tiny_model import write_tiny_model

from drivseg_ros.base.gpus import Gpu
from drivseg_ros.engines import (
    EngineOptions,
    build_process,
    cuda_device,
    tensorrt_engine,
    tensorrt_plan,
)
from drivseg_ros.engines.base import NotBuiltError, say_nothing
from drivseg_ros.engines.plan_cache import PlanCache
from drivseg_ros.engines.tensorrt_engine import PlanRefusedError, TensorRTEngine, create
from drivseg_ros.engines.tensorrt_library import TensorRT
from drivseg_ros.engines.tensorrt_plan import plan_key, targets_for
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import ModelFile, read_model_file

L4 = Gpu(index=0, name='NVIDIA L4', capability=(8, 9), memory_gib=24.0)


@pytest.fixture
def model(tiny_model: Path) -> ModelFile:
    return read_model_file(tiny_model)


def make(
    model: ModelFile,
    cuda: CudaInMemory,
    monkeypatch: pytest.MonkeyPatch,
    *,
    plan: bytes = b'plan',
    max_batch: int = 3,
) -> TensorRTEngine:
    monkeypatch.setattr(cuda_device, '_runtime', lambda: cuda)
    library = TensorRT(tensorrt_in_memory(cuda), 'tensorrt', '10.9')  # type: ignore[arg-type]
    options = EngineOptions(max_batch=max_batch)
    key = plan_key(model, options, library, targets_for(L4, library)[0])
    return TensorRTEngine(model, key, plan, library, L4)


@pytest.mark.parametrize('has_confidence', [True, False])
def test_every_batch_size_comes_back_right(
    has_confidence: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = read_model_file(write_tiny_model(tmp_path / 'm.onnx', confidence=has_confidence))
    cuda = CudaInMemory()
    engine = make(model, cuda, monkeypatch)
    allocated = len(cuda.memory)
    rng = np.random.default_rng(0)
    sizes = [1, 3, 2, 3, 1, 1]
    for n in sizes:
        for wanted in (True, False):
            batch = rng.integers(0, 256, (n, 48, 64, 3), np.uint8)
            class_ids, confidence = engine.infer(batch, confidence=wanted)
            np.testing.assert_array_equal(class_ids, batch.argmax(-1))
            assert (confidence is not None) == (wanted and has_confidence)
            if confidence is not None:
                np.testing.assert_array_equal(confidence, batch.max(-1))
    assert cuda.launches == 2 * len(sizes)
    assert len(cuda.memory) == allocated
    engine.close()
    assert cuda.is_empty


@pytest.mark.parametrize(
    ('fixed', 'batch'),
    [
        (None, np.zeros((4, 48, 64, 3), np.uint8)),
        (None, np.zeros((0, 48, 64, 3), np.uint8)),
        (None, np.zeros((1, 48, 65, 3), np.uint8)),
        (None, np.zeros((1, 48, 64, 3), np.float32)),
        (2, np.zeros((1, 48, 64, 3), np.uint8)),
    ],
)
def test_batches_that_do_not_fit(
    fixed: int | None, batch: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = read_model_file(write_tiny_model(tmp_path / 'm.onnx', batch=fixed))
    engine = make(model, CudaInMemory(), monkeypatch)
    allowed = str(fixed or '1 to 3')
    with pytest.raises(EngineError, match=rf'this plan takes uint8 .*, N {allowed} \(max_batch\)'):
        engine.infer(batch, confidence=False)


def test_memory_that_runs_out_at_any_moment(
    model: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = CudaInMemory()
    engine = make(model, complete, monkeypatch)
    needed = len(complete.memory)
    engine.close()
    assert needed >= 7  # input and two outputs on both sides, and what is between
    for allocations in range(needed):
        cuda = CudaInMemory(allocations)
        with pytest.raises(EngineError, match='the memory of the GPU ran out; end other programs'):
            make(model, cuda, monkeypatch)
        assert cuda.is_empty, allocations


@pytest.mark.parametrize(
    ('plan', 'error', 'expected'),
    [
        (b'old', PlanRefusedError, 'tensorrt 10.9 refuses its plan: of another version'),
        (b'large plan', EngineError, 'cannot load its plan on cuda:0: no more memory'),
    ],
)
def test_plans_that_are_not_loaded(
    plan: bytes,
    error: type[EngineError],
    expected: str,
    model: ModelFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = CudaInMemory()
    with pytest.raises(EngineError, match=expected) as caught:
        make(model, cuda, monkeypatch, plan=plan)
    assert caught.type is error
    assert cuda.is_empty


@pytest.mark.parametrize('builds', [[b'plan'], [b'bad', b'plan']])
def test_a_refused_plan_is_removed_and_built_once_again(
    builds: list[bytes],
    model: ModelFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cuda = CudaInMemory()
    built = _create_with(builds, cuda, tmp_path, monkeypatch)
    with caplog.at_level(logging.WARNING):
        engine = create(model, EngineOptions(), say_nothing)
    assert engine.device == 'cuda:0'
    assert len(built) == len(builds)
    assert ('removed and built again' in caplog.text) == (len(builds) == 2)
    engine.close()
    assert cuda.is_empty


def test_a_plan_that_is_refused_twice_is_an_error(
    model: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda = CudaInMemory()
    built = _create_with([b'bad', b'bad', b'plan'], cuda, tmp_path, monkeypatch)
    with pytest.raises(EngineError, match='refuses its plan'):
        create(model, EngineOptions(), say_nothing)
    assert len(built) == 2
    assert cuda.is_empty


def test_nothing_is_built_where_that_was_not_asked_for(
    model: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda = CudaInMemory()
    built = _create_with([b'bad'], cuda, tmp_path, monkeypatch)
    with pytest.raises(NotBuiltError, match=r'no plan was built before \(drivseg engine build'):
        create(model, EngineOptions(build=False), say_nothing)
    library = tensorrt_engine.load_tensorrt()
    key = plan_key(model, EngineOptions(), library, targets_for(L4, library)[0])
    PlanCache().store(key, b'bad')
    with pytest.raises(PlanRefusedError):
        create(model, EngineOptions(build=False), say_nothing)
    assert built == []
    assert PlanCache().has(key)
    assert cuda.is_empty


def _create_with(
    builds: list[bytes], cuda: CudaInMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Any]:
    """Makes `create` find a GPU, and a builder that gives these plans; returns their requests."""
    built: list[Any] = []

    def build(request: Any, **_: Any) -> None:
        PlanCache(Path(request.cache)).store(request.key, builds[len(built)])
        built.append(request)

    library = TensorRT(tensorrt_in_memory(cuda), 'tensorrt', '10.9')  # type: ignore[arg-type]
    monkeypatch.setenv('DRIVSEG_CACHE', str(tmp_path / 'plans'))
    monkeypatch.setattr(cuda_device, '_runtime', lambda: cuda)
    monkeypatch.setattr(tensorrt_engine, 'load_tensorrt', lambda: library)
    monkeypatch.setattr(tensorrt_plan, 'find_gpus', lambda: (L4,))
    monkeypatch.setattr(build_process, 'build_in_child', build)
    return built
