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
from drivseg_ros.engines.registry import RUNTIMES
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

    @property
    def checkpoints(self) -> bool:
        return RUNTIMES[self.name].checkpoints

    def check(self, batch: np.ndarray, class_ids: np.ndarray, confidence: np.ndarray) -> None:
        """Whether these are the tiny network's results for a batch."""
        assert class_ids.dtype == confidence.dtype == np.uint8
        np.testing.assert_array_equal(class_ids, batch.argmax(-1))
        if self.checkpoints:
            from checkpoints import tiny_confidence

            assert np.abs(confidence.astype(int) - tiny_confidence(batch)).max() <= 1
        else:
            np.testing.assert_array_equal(confidence, batch.max(-1))

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
        from drivseg_ros.engines.openvino_device import list_devices, load_openvino

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
    folder = tmp_path_factory.mktemp('tiny')
    known: dict[Case, str] = {}

    def reason(case: Case) -> str:
        if case not in known:
            try:
                known[case] = why_not(case, read_model_file(some_model(case, folder)))
            except ModuleNotFoundError as error:
                known[case] = str(error)
        return known[case]

    return reason


def some_model(case: Case, folder: Path) -> Path:
    """A model that the engine runs in any process."""
    if not case.checkpoints:
        return write_tiny_model(folder / 'tiny.onnx')
    from checkpoints import write_random_checkpoint

    return write_random_checkpoint(folder / 'random.safetensors')


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


CONCEIVABLE = [case for case in CASES if is_conceivable(case)]


@pytest.fixture(params=CONCEIVABLE, ids=str)
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


only_onnx = pytest.mark.parametrize(
    'case', [case for case in CONCEIVABLE if not case.checkpoints], ids=str, indirect=True
)


@pytest.fixture
def tiny(case: Case, request: pytest.FixtureRequest) -> ModelFile:
    """The tiny network as a file that the engine runs."""
    name = 'tiny_checkpoint' if case.checkpoints else 'tiny_model'
    return read_model_file(request.getfixturevalue(name))


def random_batch(n: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 48, 64, 3), np.uint8)


def test_results_are_exact(case: Case, tiny: ModelFile) -> None:
    engine = case.make(tiny, max_batch=3)
    for n in (1, 3, 2):
        batch = random_batch(n, seed=n)
        class_ids, confidence = engine.infer(batch, confidence=True)
        assert confidence is not None
        case.check(batch, class_ids, confidence)
        class_ids, confidence = engine.infer(batch, confidence=False)
        np.testing.assert_array_equal(class_ids, batch.argmax(-1))
        assert confidence is None
    engine.close()


def test_it_says_what_it_is(case: Case, tiny: ModelFile) -> None:
    engine = case.make(tiny)
    assert engine.name == case.name
    assert engine.device.partition(':')[0] == case.device
    assert engine.precision == 'fp32'
    assert engine.threads == default_threads() >= 1
    assert engine.model == tiny
    with pytest.raises(ValueError, match='were given up'):
        _ = engine.model.content
    assert engine.choice == 'as asked for'
    engine.close()


def test_results_hold_until_the_next_call(case: Case, tiny: ModelFile) -> None:
    engine = case.make(tiny)
    batch = random_batch(1)
    before = batch.copy()
    class_ids, confidence = engine.infer(batch, confidence=True)
    batch[...] = 0  # the caller's buffer is the caller's again
    assert confidence is not None
    case.check(before, class_ids, confidence)
    engine.close()


def test_made_by_one_thread_and_used_by_another(case: Case, tiny: ModelFile) -> None:
    """As the node does it: one thread loads, and the worker runs."""
    batch = random_batch(1)
    with ThreadPoolExecutor(1) as loader, ThreadPoolExecutor(1) as worker:
        engine = loader.submit(case.make, tiny).result()
        loader.submit(engine.infer, batch, confidence=True).result()
        class_ids, _ = worker.submit(engine.infer, batch, confidence=False).result()
        np.testing.assert_array_equal(class_ids, batch.argmax(-1))
        worker.submit(engine.close).result()


@only_onnx
def test_model_without_confidence(case: Case, tmp_path: Path) -> None:
    model = read_model_file(write_tiny_model(tmp_path / 'm.onnx', confidence=False))
    engine = case.make(model)
    batch = random_batch(1)
    class_ids, confidence = engine.infer(batch, confidence=True)
    np.testing.assert_array_equal(class_ids, batch.argmax(-1))
    assert confidence is None
    engine.close()


@only_onnx
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


def test_a_wrong_batch_is_an_error_and_costs_only_itself(case: Case, tiny: ModelFile) -> None:
    engine = case.make(tiny)
    with pytest.raises(EngineError):
        engine.infer(np.zeros((1, 10, 12, 3), np.uint8), confidence=False)
    batch = random_batch(1)
    np.testing.assert_array_equal(engine.infer(batch, confidence=False)[0], batch.argmax(-1))
    engine.close()


def test_the_other_kind_of_file_is_refused(case: Case, tmp_path: Path) -> None:
    if case.checkpoints:
        path = write_tiny_model(tmp_path / 'm.onnx')
    else:
        pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")
        from checkpoints import write_random_checkpoint

        path = write_random_checkpoint(tmp_path / 'm.safetensors')
    with pytest.raises(
        EngineError, match=rf'{case.name} runs .*, and {path} is an? .*; (take|make)'
    ):
        case.make(read_model_file(path))


def test_the_graph_is_that_of_the_card(case: Case, tiny: ModelFile) -> None:
    """A file that is replaced between reading its card and loading its graph changes nothing."""
    tiny.path.write_bytes(b'another file, or half of one')
    if case.name == 'tensorrt':  # its builder, in another process, reads the file again
        with pytest.raises(EngineError, match='was changed after it had been loaded'):
            case.make(tiny)
        return
    engine = case.make(tiny)
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
    case: Case, tiny: ModelFile, options: dict[str, str], expected: str
) -> None:
    with pytest.raises(EngineError, match=expected):
        case.make(tiny, **options)


def test_threads(case: Case, tiny: ModelFile) -> None:
    for threads in range(1, min(3, len(os.sched_getaffinity(0))) + 1):
        engine = case.make(tiny, threads=threads)
        assert engine.threads == threads
        engine.close()


@only_onnx
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


def test_close_gives_memory_back(case: Case, tmp_path: Path) -> None:
    """In a process of its own: what many engines hold one after another is what one holds."""
    model = 'efficientnet_lite_fpn_lanes'
    if case.checkpoints:
        from checkpoints import write_random_checkpoint

        path = write_random_checkpoint(tmp_path / 'm.safetensors', width=640, height=360)
        model = str(path)
    script = f"""
        import ctypes, gc, pathlib
        import numpy as np
        from drivseg_ros.engines import EngineOptions, create_engine
        from drivseg_ros.model.store import find_model

        model = find_model({model!r})
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
