# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""onnxruntime on GPUs, as far as a machine without one can tell."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from tiny_model import write_tiny_model

from drivseg_ros.base.gpus import Gpu
from drivseg_ros.engines import (
    EngineOptions,
    create_engine,
    onnxruntime_engine,
    onnxruntime_session,
)
from drivseg_ros.engines.onnxruntime_session import (
    CPU,
    CUDA,
    TENSORRT,
    BufferedSession,
    cuda_options,
    open_session,
)
from drivseg_ros.engines.onnxruntime_tensorrt_engine import engine_folder, tensorrt_options
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import read_model_file
from drivseg_ros.model.store import find_model
from drivseg_ros.scenes import random_frame

GPU = Gpu(index=0, name='made up', capability=(8, 7), memory_gib=4.0)
BUILT_WITH_CUDA = CUDA in onnxruntime.get_available_providers()


def test_buffers(tiny_model: Path) -> None:
    """The CPU takes the same buffers and bindings as a GPU."""
    model = read_model_file(tiny_model)
    session = open_session(model, [(CPU, {})], device='cpu', threads=1)
    buffered = BufferedSession(session, model, 'cpu', 0)
    random = np.random.default_rng(0)
    for n in (1, 3, 1, 3):
        batch = random.integers(0, 256, (n, 48, 64, 3), np.uint8)
        class_ids, confidence = buffered.run(batch, confidence=True)
        np.testing.assert_array_equal(class_ids, batch.argmax(-1))
        np.testing.assert_array_equal(confidence, batch.max(-1))
        class_ids, confidence = buffered.run(batch[:, ::-1], confidence=False)
        np.testing.assert_array_equal(class_ids, batch[:, ::-1].argmax(-1))
        assert confidence is None
    assert len(buffered._runs) == 4  # sizes 1 and 3, with and without confidence
    for shape, dtype in (((1, 96, 64, 3), np.uint8), ((1, 48, 64, 3), np.float32)):
        with pytest.raises(ValueError, match=r'must be uint8 of shape \(N, 48, 64, 3\)'):
            buffered.run(np.zeros(shape, dtype), confidence=False)
    buffered.close()


def test_a_failing_run_is_not_repeated_elsewhere(tiny_model: Path) -> None:
    model = read_model_file(tiny_model)
    session = open_session(model, [(CPU, {})], device='cpu', threads=1)
    assert session._enable_fallback is False


@pytest.mark.skipif(BUILT_WITH_CUDA, reason='this onnxruntime has CUDA')
@pytest.mark.parametrize(
    ('engine', 'options', 'expected'),
    [
        ('onnxruntime', {'device': 'cuda'}, f'has no {CUDA}.*install onnxruntime-gpu'),
        ('onnxruntime', {'device': 'cuda:1'}, f'has no {CUDA}'),
        ('onnxruntime_tensorrt', {}, f'has no {TENSORRT}.*install onnxruntime-gpu'),
        ('onnxruntime_tensorrt', {'device': 'cuda:1'}, f'has no {TENSORRT}'),
        ('onnxruntime_tensorrt', {'device': 'cpu'}, "takes 'auto', 'cuda' or 'cuda:INDEX'"),
        ('onnxruntime_tensorrt', {'device': 'cuda:'}, "unknown device 'cuda:'"),
    ],
)
def test_refusals_of_a_build_without_cuda(
    tiny_model: Path, engine: str, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(EngineError, match=expected):
        create_engine(engine, read_model_file(tiny_model), EngineOptions(**options))


@pytest.fixture
def built_with_cuda(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As if onnxruntime-gpu were installed, whose libraries cannot be loaded."""
    providers = [TENSORRT, CUDA, CPU]
    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: providers)
    return monkeypatch


@pytest.mark.parametrize(
    ('gpus', 'device', 'expected'),
    [
        ((), 'cuda', 'the driver shows no NVIDIA GPU; install the NVIDIA driver'),
        ((GPU,), 'cuda:1', r'the driver shows cuda:0 \(made up\)'),
    ],
)
@pytest.mark.parametrize('engine', ['onnxruntime', 'onnxruntime_tensorrt'])
def test_no_such_gpu(
    built_with_cuda: pytest.MonkeyPatch,
    tiny_model: Path,
    engine: str,
    gpus: tuple[Gpu, ...],
    device: str,
    expected: str,
) -> None:
    built_with_cuda.setattr(onnxruntime_session, 'find_gpus', lambda: gpus)
    with pytest.raises(EngineError, match=expected):
        create_engine(engine, read_model_file(tiny_model), EngineOptions(device=device))


@pytest.mark.skipif(BUILT_WITH_CUDA, reason='this onnxruntime has CUDA')
@pytest.mark.filterwarnings('ignore:Specified provider')
@pytest.mark.parametrize('device', ['auto', 'cuda', 'cuda:0'])
def test_libraries_that_cannot_be_loaded_are_an_error(
    built_with_cuda: pytest.MonkeyPatch, tiny_model: Path, device: str
) -> None:
    for module in (onnxruntime_engine, onnxruntime_session):
        built_with_cuda.setattr(module, 'find_gpus', lambda: (GPU,))
    with pytest.raises(EngineError, match=r'libonnxruntime_providers_cuda\.so: cannot open'):
        create_engine('onnxruntime', read_model_file(tiny_model), EngineOptions(device=device))


def test_auto_leaves_a_gpu_build_on_the_cpu_where_there_is_no_gpu(
    built_with_cuda: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    built_with_cuda.setattr(onnxruntime_engine, 'find_gpus', lambda: ())
    engine = create_engine('onnxruntime', read_model_file(tiny_model), EngineOptions())
    assert engine.device == 'cpu'
    engine.close()


def test_fp32_is_not_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, '__version__', '1.18.0')
    assert cuda_options(dataclasses.replace(GPU, index=1), exact=True) == (
        CUDA,
        {'device_id': '1', 'use_tf32': '0'},
    )
    assert cuda_options(GPU, exact=False) == (CUDA, {'device_id': '0'})
    monkeypatch.setattr(onnxruntime, '__version__', '1.17.1')  # it does not know the option
    assert cuda_options(GPU, exact=True) == (CUDA, {'device_id': '0'})


@pytest.mark.skipif(importlib.util.find_spec('onnx') is None, reason='onnx is not installed')
def test_fp16_graph_agrees() -> None:
    """What a GPU gets for fp16, run on the CPU."""
    model = find_model('efficientnet_lite_fpn_lanes')
    size = {'width': model.card.input_width, 'height': model.card.input_height}
    batch = random_frame(seed=1, **size).image[None]
    graph = onnxruntime_engine._convert(model, 'fp16')
    session = open_session(model, [(CPU, {})], device='cpu', threads=1, graph=graph)
    engine = create_engine('onnxruntime', model, EngineOptions(device='cpu'))
    wanted = engine.infer(batch, confidence=False)[0]
    (given,) = session.run(['class_ids'], {'image': batch})
    assert np.mean(wanted == given) > 0.999
    assert graph != model.path.read_bytes()
    engine.close()


@pytest.mark.parametrize(
    ('precision', 'expected'),
    [
        ('fp32', {'trt_fp16_enable': '0', 'trt_int8_enable': '0'}),
        ('fp16', {'trt_fp16_enable': '1', 'trt_int8_enable': '0'}),
        ('int8', {'trt_fp16_enable': '1', 'trt_int8_enable': '1'}),
    ],
)
def test_tensorrt_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, expected: dict[str, str]
) -> None:
    monkeypatch.setenv('DRIVSEG_CACHE', str(tmp_path / 'cache'))
    model = read_model_file(write_tiny_model(tmp_path / 'm.onnx'))
    gpu = dataclasses.replace(GPU, index=2)
    folder = engine_folder(model, precision, gpu, 6)
    options = tensorrt_options(model, precision, gpu, 6, folder)
    assert options.items() >= expected.items()
    assert options['device_id'] == '2'
    assert options['trt_profile_min_shapes'] == 'image:1x48x64x3'
    assert options['trt_profile_opt_shapes'] == options['trt_profile_max_shapes']
    assert options['trt_profile_max_shapes'] == 'image:6x48x64x3'
    assert options['trt_engine_cache_path'] == str(folder)
    assert folder.is_dir()
    assert folder.parent == tmp_path / 'cache/onnxruntime_tensorrt'
    fixed = read_model_file(write_tiny_model(tmp_path / 'fixed.onnx', batch=2))
    options = tensorrt_options(fixed, precision, GPU, 2, folder)
    assert not any('profile' in name for name in options)


def test_tensorrt_engines_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime would take an engine of other weights if the file had the same name."""
    path = write_tiny_model(tmp_path / 'm.onnx')
    model = read_model_file(path)
    assert model.sha256
    write_tiny_model(path, confidence=False)
    other_gpu = dataclasses.replace(GPU, name='another')
    folders = [
        engine_folder(model, 'fp16', GPU, 3),
        engine_folder(model, 'fp32', GPU, 3),
        engine_folder(model, 'fp16', GPU, 4),
        engine_folder(model, 'fp16', other_gpu, 3),
        engine_folder(read_model_file(path), 'fp16', GPU, 3),
    ]
    monkeypatch.setattr(onnxruntime, '__version__', '99.0')
    folders.append(engine_folder(model, 'fp16', GPU, 3))
    assert len(set(folders)) == 6


@pytest.mark.parametrize(
    ('own', 'wanted', 'expected'),
    [
        ('fp32', 'bf16', "'bf16' was asked for, .* can run it in fp32, fp16"),
        ('fp32', 'int8', "'int8' was asked for"),
        ('int8', 'fp32', 'can run it in int8'),
        ('bf16', 'auto', 'can run it in no precision'),
    ],
)
def test_tensorrt_refuses_precisions(
    built_with_cuda: pytest.MonkeyPatch, tiny_model: Path, own: str, wanted: str, expected: str
) -> None:
    built_with_cuda.setattr(onnxruntime_session, 'find_gpus', lambda: (GPU,))
    model = read_model_file(tiny_model)
    model = dataclasses.replace(model, card=dataclasses.replace(model.card, precision=own))
    with pytest.raises(EngineError, match=expected):
        create_engine('onnxruntime_tensorrt', model, EngineOptions(precision=wanted))


def test_tensorrt_cache_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('DRIVSEG_CACHE', str(tmp_path / 'file'))
    model = read_model_file(write_tiny_model(tmp_path / 'm.onnx'))
    with pytest.raises(EngineError, match=r'cannot be kept in .*; make it writable, or set'):
        tensorrt_options(model, 'fp16', GPU, 1, engine_folder(model, 'fp16', GPU, 1))
