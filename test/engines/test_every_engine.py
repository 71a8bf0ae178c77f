# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every engine promises (engines/base.py), asked of each one that this machine can run."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import write_tiny_model

from drivseg_ros.base.gpus import find_gpus
from drivseg_ros.engines import ENGINE_NAMES, Engine, EngineOptions, create_engine
from drivseg_ros.engines.base import default_threads
from drivseg_ros.errors import EngineError, MissingDependencyError
from drivseg_ros.model.file import ModelFile, read_model_file
from drivseg_ros.model.store import find_model
from drivseg_ros.scenes import random_frame


@dataclass(frozen=True)
class Case:
    """An engine on a kind of device."""

    name: str
    device: str

    def __str__(self) -> str:
        return f'{self.name}-{self.device}'

    def make(self, model: ModelFile, **options: Any) -> Engine:
        return create_engine(self.name, model, EngineOptions(**{'device': self.device, **options}))


CASES = [
    Case('onnxruntime', 'cpu'),
    Case('onnxruntime', 'cuda'),
    Case('onnxruntime_tensorrt', 'cuda'),
    Case('openvino', 'cpu'),
    Case('openvino', 'gpu'),
    Case('tensorrt', 'cuda'),
    Case('torch', 'cpu'),
    Case('torch', 'cuda'),
]


def why_not(case: Case, model: ModelFile) -> str:
    """Why this machine cannot run the engine; '' if it can."""
    if case.name.startswith('onnxruntime') and case.device == 'cuda':
        import onnxruntime

        if 'CUDAExecutionProvider' not in onnxruntime.get_available_providers():
            return 'this onnxruntime has no CUDA; onnxruntime-gpu has'
    if case == Case('openvino', 'gpu'):
        from drivseg_ros.engines.openvino_device import list_devices
        from drivseg_ros.engines.openvino_library import load_openvino

        try:
            devices = list_devices(load_openvino().Core())
        except MissingDependencyError as error:
            return str(error)
        if not any(device.name.startswith('gpu') for device in devices):
            return 'OpenVINO finds no GPU'
    try:
        case.make(model).close()
    except (MissingDependencyError, ModuleNotFoundError) as error:
        return str(error)
    return ''


@pytest.fixture(scope='session')
def reasons(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], str]:
    model = read_model_file(write_tiny_model(tmp_path_factory.mktemp('tiny') / 'tiny.onnx'))
    known: dict[Case, str] = {}

    def reason(case: Case) -> str:
        if case not in known:
            known[case] = why_not(case, model)
        return known[case]

    return reason


def is_conceivable(case: Case) -> bool:
    """Whether it is worth a look; without, each of the tests would be skipped for each GPU."""
    if case.device == 'gpu':
        return Path('/dev/dri').exists()
    return case.device == 'cpu' or bool(find_gpus())


@pytest.mark.parametrize('case', CASES, ids=str)
def test_every_engine_is_asked(case: Case) -> None:
    assert case.name in ENGINE_NAMES
    assert {case.name for case in CASES} == set(ENGINE_NAMES) - {'auto'}
    if not is_conceivable(case):
        pytest.skip(f'this machine has no {case.device}')


@pytest.fixture(params=filter(is_conceivable, CASES), ids=str)
def case(
    request: pytest.FixtureRequest,
    reasons: Callable[[Case], str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Case:
    monkeypatch.setenv('DRIVSEG_CACHE', str(tmp_path / 'cache'))
    reason = reasons(request.param)
    if reason:
        pytest.skip(reason)
    return request.param


def random_batch(n: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 48, 64, 3), np.uint8)


def test_results_are_exact(case: Case, tiny_model: Path) -> None:
    model = read_model_file(tiny_model)
    engine = case.make(model, max_batch=3)
    for n in (1, 3, 2):
        batch = random_batch(n, seed=n)
        class_ids, confidence = engine.infer(batch, confidence=True)
        assert confidence is not None
        assert class_ids.dtype == confidence.dtype == np.uint8
        np.testing.assert_array_equal(class_ids, batch.argmax(-1))
        np.testing.assert_array_equal(confidence, batch.max(-1))
        class_ids, confidence = engine.infer(batch, confidence=False)
        np.testing.assert_array_equal(class_ids, batch.argmax(-1))
        assert confidence is None
    engine.close()


def test_it_says_what_it_is(case: Case, tiny_model: Path) -> None:
    model = read_model_file(tiny_model)
    engine = case.make(model)
    assert engine.name == case.name
    assert engine.device.partition(':')[0] == case.device
    assert engine.precision == 'fp32'
    assert engine.threads == default_threads() >= 1
    assert engine.model is model
    assert engine.choice == 'as asked for'
    engine.close()


def test_results_hold_until_the_next_call(case: Case, tiny_model: Path) -> None:
    engine = case.make(read_model_file(tiny_model))
    batch = random_batch(1)
    expected = batch.argmax(-1), batch.max(-1)
    results = engine.infer(batch, confidence=True)
    batch[...] = 0  # the caller's buffer is the caller's again
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, wanted)
    engine.close()


def test_made_by_one_thread_and_used_by_another(case: Case, tiny_model: Path) -> None:
    """As the node does it: one thread loads, and the worker runs."""
    model = read_model_file(tiny_model)
    batch = random_batch(1)
    with ThreadPoolExecutor(1) as loader, ThreadPoolExecutor(1) as worker:
        engine = loader.submit(case.make, model).result()
        loader.submit(engine.infer, batch, confidence=True).result()
        class_ids, _ = worker.submit(engine.infer, batch, confidence=False).result()
        np.testing.assert_array_equal(class_ids, batch.argmax(-1))
        worker.submit(engine.close).result()


def test_model_without_confidence(case: Case, tmp_path: Path) -> None:
    model = read_model_file(write_tiny_model(tmp_path / 'm.onnx', confidence=False))
    engine = case.make(model)
    batch = random_batch(1)
    class_ids, confidence = engine.infer(batch, confidence=True)
    np.testing.assert_array_equal(class_ids, batch.argmax(-1))
    assert confidence is None
    engine.close()


def test_model_of_fixed_batch(case: Case, tmp_path: Path) -> None:
    model = read_model_file(write_tiny_model(tmp_path / 'm.onnx', batch=2))
    engine = case.make(model)
    batch = random_batch(2)
    class_ids, confidence = engine.infer(batch, confidence=True)
    np.testing.assert_array_equal(class_ids, batch.argmax(-1))
    np.testing.assert_array_equal(confidence, batch.max(-1))
    with pytest.raises(EngineError):
        engine.infer(random_batch(3), confidence=False)
    engine.close()


def test_a_wrong_batch_is_an_error_and_costs_only_itself(case: Case, tiny_model: Path) -> None:
    engine = case.make(read_model_file(tiny_model))
    with pytest.raises(EngineError):
        engine.infer(np.zeros((1, 10, 12, 3), np.uint8), confidence=False)
    batch = random_batch(1)
    np.testing.assert_array_equal(engine.infer(batch, confidence=False)[0], batch.argmax(-1))
    engine.close()


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({'device': 'tpu'}, "'tpu'"),
        ({'device': 'cpu:1'}, "'cpu:1'"),
        ({'device': 'cuda:x'}, "'cuda:x'"),
        ({'precision': 'fp7'}, "'fp7'"),
        ({'precision': 'int8'}, "'int8'"),
    ],
)
def test_what_it_cannot_do_is_an_error(
    case: Case, tiny_model: Path, options: dict[str, str], expected: str
) -> None:
    with pytest.raises(EngineError, match=expected):
        case.make(read_model_file(tiny_model), **options)


def test_threads(case: Case, tiny_model: Path) -> None:
    model = read_model_file(tiny_model)
    for threads in range(1, min(3, len(os.sched_getaffinity(0))) + 1):
        engine = case.make(model, threads=threads)
        assert engine.threads == threads
        engine.close()


def test_default_model_agrees_with_onnxruntime(case: Case) -> None:
    """Rendered roads of several looks; onnxruntime in fp32 on the CPU is the reference."""
    model = find_model('efficientnet_lite_fpn_lanes')
    size = {'width': model.card.input_width, 'height': model.card.input_height}
    batch = np.stack([random_frame(seed=seed, **size).image for seed in (1, 2, 3)])
    reference = Case('onnxruntime', 'cpu').make(model)
    wanted_ids, wanted_confidence = reference.infer(batch, confidence=True)
    engine = case.make(model, max_batch=3)
    class_ids, confidence = engine.infer(batch, confidence=True)
    assert confidence is not None
    assert wanted_confidence is not None
    assert len(np.unique(wanted_ids)) == model.card.num_classes
    assert np.mean(class_ids == wanted_ids) >= 0.999
    difference = np.abs(confidence.astype(int) - wanted_confidence)
    assert np.mean(difference <= 2) >= 0.999
    single = [engine.infer(image[None], confidence=False)[0][0].copy() for image in batch]
    assert np.mean(np.stack(single) == wanted_ids) >= 0.999
    for each in (reference, engine):
        each.close()


def test_close_gives_memory_back(case: Case) -> None:
    """In a process of its own: what many engines hold one after another is what one holds."""
    script = f"""
        import ctypes, gc, pathlib
        import numpy as np
        from drivseg_ros.engines import EngineOptions, create_engine
        from drivseg_ros.model.store import find_model

        model = find_model('efficientnet_lite_fpn_lanes')
        batch = np.zeros((1, model.card.input_height, model.card.input_width, 3), np.uint8)

        def cycle():
            engine = create_engine({case.name!r}, model, EngineOptions(device={case.device!r}))
            engine.infer(batch, confidence=True)
            held = resident()
            engine.close()
            del engine
            gc.collect()
            ctypes.CDLL('libc.so.6').malloc_trim(0)
            return held - resident()

        def resident():
            pages = int(pathlib.Path('/proc/self/statm').read_text().split()[1])
            return pages * 4096 / 1e6

        cycle(), cycle()
        before = resident()
        given_back = [cycle() for _ in range(6)]
        print(resident() - before, max(given_back))
    """
    done = subprocess.run(
        [sys.executable, '-c', textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    grown, given_back = map(float, done.stdout.split())
    assert grown < 3 * given_back, (grown, given_back)
