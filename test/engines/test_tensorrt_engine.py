# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The TensorRT engine: what it refuses and says anywhere, and what it computes where a GPU is."""

from __future__ import annotations

import dataclasses
import importlib.util
import logging
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_model import write_tiny_model

from drivseg_ros.base.gpus import Gpu, find_gpus
from drivseg_ros.engines import (
    EngineOptions,
    create_engine,
    cuda_device,
    tensorrt_engine,
    tensorrt_plan,
)
from drivseg_ros.engines.base import NotBuiltError
from drivseg_ros.engines.plan_cache import PlanCache
from drivseg_ros.engines.tensorrt_library import TensorRT, load_tensorrt
from drivseg_ros.engines.tensorrt_plan import (
    choose_precision,
    choose_target,
    find_gpu,
    get_plan,
    plan_key,
    targets_for,
)
from drivseg_ros.errors import EngineError, MissingDependencyError
from drivseg_ros.model.file import ModelFile, read_model_file

CAPABILITIES = SimpleNamespace(__members__={'NONE': 0, 'CURRENT': 1, 'SM89': 89, 'SM120': 120})
RTX = TensorRT(SimpleNamespace(ComputeCapability=CAPABILITIES), 'tensorrt_rtx', '1.7')  # type: ignore[arg-type]
FULL = TensorRT(SimpleNamespace(), 'tensorrt', '10.9')  # type: ignore[arg-type]
L4 = Gpu(index=0, name='NVIDIA L4', capability=(8, 9), memory_gib=24.0)
T4 = Gpu(index=1, name='Tesla T4', capability=(7, 5), memory_gib=16.0)

needs_tensorrt = pytest.mark.skipif(
    not {'tensorrt', 'tensorrt_rtx'} & {n for n in ('tensorrt', 'tensorrt_rtx')
                                        if importlib.util.find_spec(n)},
    reason="no TensorRT is installed: pip install '.[tensorrt-rtx]'",
)  # fmt: skip
needs_gpu = pytest.mark.skipif(not find_gpus(), reason='this machine has no NVIDIA GPU')
without_gpu = pytest.mark.skipif(bool(find_gpus()), reason='this machine has an NVIDIA GPU')


@pytest.fixture
def model(tiny_model: Path) -> ModelFile:
    return read_model_file(tiny_model)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanCache:
    monkeypatch.setenv('DRIVSEG_CACHE', str(tmp_path / 'plans'))
    return PlanCache()


@pytest.mark.parametrize(
    ('device', 'gpus', 'expected'),
    [
        ('auto', (), None),
        ('auto', (L4, T4), L4),
        ('cuda', (L4, T4), L4),
        ('cuda:1', (L4, T4), T4),
        ('cuda', (), r"device 'cuda' was asked for, .* may use are: none"),
        ('cuda:1', (L4,), r"'cuda:1' was asked for, .* are: cuda:0 \(NVIDIA L4\)"),
        ('cpu', (L4,), r"unknown device 'cpu'; tensorrt takes 'auto', 'cuda' or 'cuda:INDEX'"),
        ('cuda:', (L4,), "unknown device 'cuda:'"),
        ('cuda:x', (L4,), "unknown device 'cuda:x'"),
    ],
)
def test_find_gpu(
    device: str, gpus: tuple[Gpu, ...], expected: Gpu | str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorrt_plan, 'find_gpus', lambda: gpus)
    if isinstance(expected, str):
        with pytest.raises(EngineError, match=expected):
            find_gpu(device, FULL)
    else:
        assert find_gpu(device, FULL) == expected


@pytest.mark.parametrize(
    ('library', 'gpus', 'capability', 'expected'),
    [
        (FULL, (L4,), '', ('NVIDIA L4 (compute capability 8.9)', '')),
        (FULL, (), '', 'builds plans only on a machine with the GPU'),
        (FULL, (L4,), '8.9', r"'8\.9' was asked for; tensorrt 10\.9 builds for the GPU at hand"),
        (RTX, (L4,), '', ('NVIDIA L4 (compute capability 8.9)', '')),
        (RTX, (), '', ('compute capability 8.0 and newer', 'any')),
        (RTX, (), '12.0', ('compute capability 12.0', '12.0')),
        (RTX, (L4,), '8.9', ('compute capability 8.9', '8.9')),
        (RTX, (), '9.0', r"'9\.0' was asked for; tensorrt_rtx 1\.7 takes 8\.9, 12\.0"),
    ],
)
def test_targets(
    library: TensorRT,
    gpus: tuple[Gpu, ...],
    capability: str,
    expected: tuple[str, str] | str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tensorrt_plan, 'find_gpus', lambda: gpus)
    if isinstance(expected, str):
        with pytest.raises(EngineError, match=expected):
            choose_target(library, 'auto', capability)
    else:
        target = choose_target(library, 'auto', capability)
        assert (target.device, target.capability) == expected


def test_which_plans_a_gpu_can_run() -> None:
    assert [t.device for t in targets_for(L4, FULL)] == ['NVIDIA L4 (compute capability 8.9)']
    assert [t.capability for t in targets_for(L4, RTX)] == ['', '8.9', 'any']
    assert [t.capability for t in targets_for(T4, RTX)] == ['', '7.5']


@pytest.mark.parametrize(
    ('own', 'wanted', 'expected'),
    [
        ('fp32', 'auto', 'fp32'),
        ('fp32', 'fp16', 'fp16'),
        ('fp32', 'bf16', 'bf16'),
        ('fp32', 'int8', EngineError("'int8' was asked for.* drivseg quantize")),
        ('fp32', 'fp8', EngineError("can run .*, which is fp32, with 'auto', 'fp32', 'fp16'")),
        ('fp16', 'auto', 'fp16'),
        ('fp16', 'fp32', EngineError("which is fp16, with 'auto', 'fp16'$")),
        ('int8', 'auto', 'int8'),
        ('int8', 'int8', 'int8'),
        ('int8', 'fp16', EngineError("which is int8, with 'auto', 'int8'$")),
    ],
)
def test_precision(own: str, wanted: str, expected: str | EngineError, tmp_path: Path) -> None:
    model = read_model_file(write_tiny_model(tmp_path / 'm.onnx', precision=own))
    if isinstance(expected, EngineError):
        with pytest.raises(EngineError, match=str(expected)):
            choose_precision(model, wanted)
    else:
        assert choose_precision(model, wanted) == expected


def test_batches_in_the_key(tmp_path: Path, model: ModelFile) -> None:
    target = targets_for(L4, FULL)[0]
    key = plan_key(model, EngineOptions(max_batch=3), FULL, target)
    assert (key.min_batch, key.max_batch, key.height, key.width) == (1, 3, 48, 64)
    fixed = read_model_file(write_tiny_model(tmp_path / 'two.onnx', batch=2))
    key = plan_key(fixed, EngineOptions(max_batch=3), FULL, target)
    assert (key.min_batch, key.max_batch) == (2, 2)


def test_no_tensorrt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ('tensorrt', 'tensorrt_rtx'):
        monkeypatch.setitem(sys.modules, name, None)
    folder = tmp_path / 'broken'
    folder.mkdir()
    with pytest.raises(MissingDependencyError, match=r'TensorRT is not installed.*tensorrt-rtx'):
        _load_from(folder, monkeypatch)
    (folder / 'tensorrt.py').write_text('raise ImportError("libnvinfer.so.10 is missing")')
    with pytest.raises(EngineError, match=r'cannot be imported \(libnvinfer'):
        _load_from(folder, monkeypatch)
    (folder / 'tensorrt.py').write_text('__version__ = "10.0"')
    library = _load_from(folder, monkeypatch)
    assert (library.name, library.builds_without_gpu) == ('tensorrt', False)
    assert library.compute_capabilities == {}


def _load_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> TensorRT:
    """What is loaded if there is nothing but what the folder has."""
    with monkeypatch.context() as context:
        context.setattr(sys, 'path', [str(folder)])
        context.setattr(sys, 'path_importer_cache', {})
        context.setattr(sys, 'meta_path', [f for f in sys.meta_path if 'PathFinder' in str(f)])
        for name in ('tensorrt', 'tensorrt_rtx'):
            context.delitem(sys.modules, name, raising=False)
        try:
            return load_tensorrt()
        finally:
            sys.modules.pop('tensorrt', None)


@needs_tensorrt
@without_gpu
@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({}, 'runs on NVIDIA GPUs, and none was found'),
        ({'device': 'cuda'}, "device 'cuda' was asked for"),
        ({'device': 'cpu'}, "unknown device 'cpu'"),
        ({'precision': 'int8'}, 'drivseg quantize'),
    ],
)
def test_refusals_without_a_gpu(
    model: ModelFile, options: dict[str, str], expected: str, own_cache: PlanCache
) -> None:
    with pytest.raises(EngineError, match=expected):
        create_engine('tensorrt', model, EngineOptions(**options))  # type: ignore[arg-type]
    assert not own_cache.directory.exists()


@needs_tensorrt
@without_gpu
def test_what_can_be_done_without_a_gpu_is_said(model: ModelFile) -> None:
    with pytest.raises(EngineError) as error:
        create_engine('tensorrt', model, EngineOptions())
    assert ('drivseg engine build' in str(error.value)) is load_tensorrt().builds_without_gpu


@pytest.mark.skipif(
    importlib.util.find_spec('tensorrt_rtx') is None
    or importlib.util.find_spec('tensorrt') is not None,
    reason="tensorrt_rtx is not installed: pip install '.[tensorrt-rtx]'",
)
@pytest.mark.parametrize('capability', ['8.9', ''])
def test_a_plan_from_a_machine_without_gpu_is_found_on_one_with(
    model: ModelFile, capability: str, monkeypatch: pytest.MonkeyPatch, own_cache: PlanCache
) -> None:
    def is_built(options: EngineOptions) -> bool:
        try:
            create_engine('tensorrt', model, dataclasses.replace(options, build=False))
        except NotBuiltError:
            return False
        return True

    monkeypatch.setattr(tensorrt_engine, 'TensorRTEngine', lambda *_: SimpleNamespace())
    options = EngineOptions(max_batch=2)
    library = load_tensorrt()
    monkeypatch.setattr(tensorrt_plan, 'find_gpus', tuple)
    target = choose_target(library, 'auto', capability)
    key = plan_key(model, options, library, target)
    get_plan(model, key, target, cache=own_cache)
    with pytest.raises(EngineError, match='none was found'):
        is_built(options)
    monkeypatch.setattr(tensorrt_plan, 'find_gpus', lambda: (L4,))
    assert is_built(options)
    assert not is_built(EngineOptions(max_batch=3))
    assert not is_built(EngineOptions(max_batch=2, precision='fp16'))
    monkeypatch.setattr(tensorrt_plan, 'find_gpus', lambda: (dataclasses.replace(T4, index=0),))
    assert not is_built(options)


def test_the_cuda_functions_are_those_of_the_bindings() -> None:
    runtime = pytest.importorskip(
        'cuda.bindings.runtime',
        reason="cuda-bindings is not installed: pip install '.[tensorrt-rtx]'",
    )
    source = Path(cuda_device.__file__).read_text()
    functions = set(re.findall(r"'(cuda[A-Z]\w+)'", source))
    assert {'cudaMalloc', 'cudaGraphLaunch', 'cudaStreamSynchronize'} <= functions
    for name in functions:
        assert callable(getattr(runtime, name)), name
    for name in re.findall(r'(?:_runtime\(\)|runtime|codes)\.(cuda\w+(?:\.\w+)?)', source):
        owner, _, member = name.partition('.')
        found = getattr(runtime, owner, None) or getattr(runtime.cudaError_t, owner)
        assert not member or hasattr(found, member), name


@needs_tensorrt
def test_the_tensorrt_functions_are_those_of_the_library() -> None:
    trt = load_tensorrt().module
    for owner, names in {
        trt.IExecutionContext: 'execute_async_v3 set_device_memory set_input_shape '
        'set_tensor_address',
        trt.ICudaEngine: 'create_execution_context device_memory_size_v2',
        trt.ExecutionContextAllocationStrategy: 'USER_MANAGED',
        trt.Runtime: 'deserialize_cuda_engine',
    }.items():
        for name in names.split():
            assert hasattr(owner, name), name
    if hasattr(trt, 'IRuntimeConfig'):
        assert hasattr(trt.IRuntimeConfig, 'set_execution_context_allocation_strategy')


@needs_tensorrt
@without_gpu
def test_a_driver_that_is_missing_is_said(model: ModelFile) -> None:
    # All is ready but the GPU itself: the first call of CUDA fails, and says why.
    pytest.importorskip('cuda.bindings.runtime', reason='cuda-bindings is not installed')
    from drivseg_ros.engines.tensorrt_engine import TensorRTEngine

    key = plan_key(model, EngineOptions(), load_tensorrt(), targets_for(L4, RTX)[0])
    with pytest.raises(EngineError, match=r'taking cuda:0 failed: .*\(cudaError'):
        TensorRTEngine(model, key, b'plan', load_tensorrt(), L4)


@needs_tensorrt
@needs_gpu
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_infer_on_a_gpu(model: ModelFile, precision: str, own_cache: PlanCache) -> None:
    options = EngineOptions(precision=precision, max_batch=3)
    engine = create_engine('tensorrt', model, options)
    reference = create_engine('onnxruntime', model, EngineOptions(device='cpu'))
    rng = np.random.default_rng(0)
    for n in (1, 3, 2, 3, 1):
        batch = rng.integers(0, 256, (n, 48, 64, 3), np.uint8)
        for confidence in (True, False):
            ids, certain = engine.infer(batch, confidence=confidence)
            wanted_ids, wanted = reference.infer(batch, confidence=confidence)
            np.testing.assert_array_equal(ids, wanted_ids)
            assert (certain is None) == (wanted is None)
            if wanted is not None:
                np.testing.assert_array_equal(certain, wanted)
    for wrong in (np.zeros((4, 48, 64, 3), np.uint8), np.zeros((1, 48, 64, 3), np.float32)):
        with pytest.raises(EngineError, match=r'this plan takes uint8 .* N 1 to 3'):
            engine.infer(wrong, confidence=False)
    assert engine.device == 'cuda:0'
    assert engine.precision == precision
    engine.close()
    assert len(list(own_cache.directory.glob('*.plan'))) == 1


@needs_tensorrt
@needs_gpu
def test_a_refused_plan_is_built_again(
    model: ModelFile, own_cache: PlanCache, caplog: pytest.LogCaptureFixture
) -> None:
    library = load_tensorrt()
    key = plan_key(model, EngineOptions(), library, targets_for(find_gpus()[0], library)[0])
    own_cache.store(key, b'whole, and of the right key, but no plan')
    with caplog.at_level(logging.WARNING):
        create_engine('tensorrt', model, EngineOptions()).close()
    assert 'refuses its plan' in caplog.text


@needs_tensorrt
@needs_gpu
def test_a_gpu_without_memory_left(model: ModelFile) -> None:
    stream = cuda_device.CudaStream(0)
    with pytest.raises(EngineError, match='the memory of the GPU ran out'):
        stream.allocate(1 << 50)
    stream.allocate(1 << 20)
    stream.close()
