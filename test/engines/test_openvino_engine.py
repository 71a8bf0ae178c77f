# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is OpenVINO's own: precisions, devices, the plan cache, and that it tells nobody."""

from __future__ import annotations

import dataclasses
import importlib.util
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import write_tiny_model

from drivseg_ros.base.cpu_features import cpu_features
from drivseg_ros.engines import EngineOptions, create_engine, openvino_engine
from drivseg_ros.engines.base import BuildProgress
from drivseg_ros.engines.openvino_device import (
    OpenvinoDevice,
    choose_device,
    choose_precision,
    list_devices,
    load_openvino,
)
from drivseg_ros.engines.plan_cache import PlanCache
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import read_model_file
from drivseg_ros.model.store import find_model
from drivseg_ros.scenes import random_frame

# Not importorskip: openvino, imported by itself, reports that to its maker.
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec('openvino') is None,
    reason="openvino is not installed: pip install '.[openvino]'",
)
HAS_BF16 = 'bf16' in cpu_features()


def executed_types(engine: Any) -> set[str]:
    """The types that the nodes of a compiled model compute in, by OpenVINO's own account."""
    graph = engine._requests[1].get_compiled_model().get_runtime_model()
    return {node.get_rt_info()['runtimePrecision'].astype(str) for node in graph.get_ops()}


@pytest.mark.parametrize(
    ('precision', 'expected'),
    [
        ('auto', 'fp32'),
        ('fp32', 'fp32'),
        pytest.param(
            'bf16', 'bf16', marks=pytest.mark.skipif(not HAS_BF16, reason='this CPU has no bf16')
        ),
    ],
)
def test_precision_is_executed(precision: str, expected: str) -> None:
    model = find_model('efficientnet_lite_fpn_lanes')
    options = EngineOptions(device='cpu', precision=precision)
    engine = create_engine('openvino', model, options)
    assert engine.precision == expected
    assert ('bf16' in executed_types(engine)) == (expected == 'bf16')
    assert 'f16' not in executed_types(engine)
    engine.close()


@pytest.mark.skipif(not HAS_BF16, reason='this CPU has no bf16')
def test_bf16_agrees_with_fp32() -> None:
    model = find_model('efficientnet_lite_fpn_lanes')
    size = {'width': model.card.input_width, 'height': model.card.input_height}
    batch = np.stack([random_frame(seed=seed, **size).image for seed in (1, 2)])
    ids = []
    for precision in ('fp32', 'bf16'):
        engine = create_engine('openvino', model, EngineOptions('cpu', precision))
        ids.append(engine.infer(batch, confidence=False)[0].copy())
        engine.close()
    assert 0.97 < np.mean(ids[0] == ids[1]) < 1


def device(name: str, capabilities: str) -> OpenvinoDevice:
    return OpenvinoDevice(name, name.upper(), 'made up', frozenset(capabilities.split()))


@pytest.mark.parametrize(
    ('own', 'wanted', 'capabilities', 'expected'),
    [
        ('fp32', 'auto', 'FP32 BF16', ('fp32', 'f32')),
        ('fp32', 'bf16', 'FP32 BF16', ('bf16', 'bf16')),
        ('fp32', 'bf16', 'FP32', 'openvino can run it on cpu .* in fp32$'),
        ('fp32', 'fp16', 'FP32 BF16', 'in fp32, bf16$'),
        ('fp32', 'fp16', 'FP32 FP16', ('fp16', 'f16')),
        ('fp32', 'auto', 'FP16 INT8', "'auto' was asked for, .* is fp32.* in fp16$"),  # an NPU
        ('fp32', 'int8', 'FP32 INT8', 'drivseg quantize'),
        ('fp32', 'fp7', 'FP32', "precision 'fp7' was asked for"),
        ('fp16', 'auto', 'FP32', "'auto' was asked for, .* is fp16.* in fp32$"),
        ('fp16', 'fp32', 'FP32', ('fp32', 'f32')),
        ('int8', 'auto', 'FP32 INT8', ('int8', 'f32')),
        ('int8', 'int8', 'FP16 INT8', ('int8', 'f16')),
        ('int8', 'fp32', 'FP32 INT8', 'is int8.* in int8$'),
        ('int8', 'auto', 'FP32', 'in no precision$'),
    ],
)
def test_choose_precision(
    tiny_model: Path, own: str, wanted: str, capabilities: str, expected: Any
) -> None:
    model = read_model_file(tiny_model)
    model = dataclasses.replace(model, card=dataclasses.replace(model.card, precision=own))
    if isinstance(expected, tuple):
        assert choose_precision(model, wanted, device('cpu', capabilities)) == expected
    else:
        with pytest.raises(EngineError, match=expected):
            choose_precision(model, wanted, device('cpu', capabilities))


class MachineWithGpus:
    """What OpenVINO tells of a machine with a GPU in its processor and one beside it."""

    available_devices = ('CPU', 'GPU.0', 'GPU.1', 'NPU')

    def get_property(self, device: str, name: str) -> Any:
        return {
            'OPTIMIZATION_CAPABILITIES': ['FP32', 'FP16', 'BF16'],
            'FULL_DEVICE_NAME': f'The {device}',
            'DEVICE_TYPE': 'Type.DISCRETE' if device == 'GPU.1' else 'Type.INTEGRATED',
        }[name]


@pytest.mark.parametrize(
    ('devices', 'wanted', 'expected'),
    [
        (MachineWithGpus.available_devices, 'auto', ('gpu:1', 'GPU.1')),
        (('CPU', 'GPU'), 'auto', ('cpu', 'CPU')),  # that of the processor is not taken
        (('CPU', 'GPU'), 'gpu', ('gpu:0', 'GPU.0')),
        (('CPU', 'GPU.0', 'GPU.1'), 'gpu', ('gpu:0', 'GPU.0')),
        (('CPU', 'GPU.0', 'GPU.1'), 'gpu:1', ('gpu:1', 'GPU.1')),
        (('CPU', 'NPU'), 'npu', ('npu', 'NPU')),
        (
            ('CPU', 'GPU'),
            'gpu:1',
            "device 'gpu:1' was asked for, .* lists only cpu, gpu:0; install",
        ),
        (('CPU',), 'npu', "device 'npu' was asked for, .* lists only cpu; install"),
        (('CPU',), 'gpu:', "unknown device 'gpu:'"),
        (('CPU',), 'npu:0', "unknown device 'npu:0'"),
        (('CPU',), 'AUTO', "unknown device 'AUTO'"),
    ],
)
def test_choose_device(devices: tuple[str, ...], wanted: str, expected: Any) -> None:
    core: Any = MachineWithGpus()
    core.available_devices = devices
    if isinstance(expected, tuple):
        chosen = choose_device(core, wanted)
        assert (chosen.name, chosen.openvino_name) == expected
        assert chosen.is_among([chosen.openvino_name])
        assert not chosen.is_among(['CPU' if chosen.name != 'cpu' else 'GPU.0'])
        assert not chosen.is_among([])
    else:
        with pytest.raises(EngineError, match=expected):
            choose_device(core, wanted)


def test_this_machine_has_a_cpu() -> None:
    cpu = next(d for d in list_devices(load_openvino().Core()) if d.is_cpu)
    assert 'fp32' in cpu.precisions
    assert ('bf16' in cpu.precisions) == HAS_BF16


def test_more_threads_than_there_are_cpus(tiny_model: Path) -> None:
    with pytest.raises(EngineError, match='and 200 were asked for; ask for at most'):
        create_engine('openvino', read_model_file(tiny_model), EngineOptions('cpu', threads=200))


def test_a_damaged_file(tmp_path: Path) -> None:
    model = read_model_file(write_tiny_model(tmp_path / 'm.onnx'))
    model = dataclasses.replace(model, _content=model.content[:100])
    with pytest.raises(EngineError, match=r'OpenVINO cannot read .*m.onnx: '):
        create_engine('openvino', model, EngineOptions('cpu'))


@pytest.fixture
def kept_on_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The CPU treated like a GPU: what is compiled is kept."""
    monkeypatch.setattr(openvino_engine, '_KEPT', ('cpu',))
    monkeypatch.setenv('DRIVSEG_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


def infer(model_path: Path, n: int = 1) -> list[BuildProgress]:
    """Runs once, checks the result, and returns what was built on the way."""
    told: list[BuildProgress] = []
    model = read_model_file(model_path)
    engine = create_engine('openvino', model, EngineOptions('cpu'), on_progress=told.append)
    batch = np.random.default_rng(0).integers(0, 256, (n, 48, 64, 3), np.uint8)
    np.testing.assert_array_equal(engine.infer(batch, confidence=False)[0], batch.argmax(-1))
    engine.close()
    return told


def test_plans_are_kept_and_loaded(kept_on_cpu: Path, tiny_model: Path) -> None:
    assert len(infer(tiny_model, n=3)) == 2  # for batches of 1, and of 3
    assert len(list(kept_on_cpu.glob('*.plan'))) == 2
    assert infer(tiny_model, n=3) == []
    write_tiny_model(tiny_model, confidence=False)  # another model under the same name
    assert len(infer(tiny_model)) == 1


@pytest.mark.parametrize(
    ('damage', 'said'),
    [
        (lambda plan: plan.write_bytes(plan.read_bytes()[:-7]), 'cut off or damaged'),
        (None, 'is made again'),  # whole, but not one that this OpenVINO can load
    ],
)
def test_a_plan_that_is_no_good_is_made_again(
    kept_on_cpu: Path, tiny_model: Path, caplog: pytest.LogCaptureFixture, damage: Any, said: str
) -> None:
    infer(tiny_model)
    (plan,) = kept_on_cpu.glob('*.plan')
    if damage:
        damage(plan)
    else:
        engine = create_engine('openvino', read_model_file(tiny_model), EngineOptions('cpu'))
        PlanCache().store(engine._key(1), b'of another driver' * 100)  # type: ignore[attr-defined]
    with caplog.at_level(logging.WARNING):
        assert len(infer(tiny_model)) == 1
    assert said in caplog.text
    assert infer(tiny_model) == []


def test_a_cache_that_cannot_be_written_costs_only_the_next_start(
    kept_on_cpu: Path, tiny_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept_on_cpu.write_text('a file where the folder should be')
    with caplog.at_level(logging.WARNING):
        assert len(infer(tiny_model)) == 1
    assert 'compile again at the next start' in caplog.text


def test_it_reports_to_nobody(tmp_path: Path, tiny_model: Path) -> None:
    """The maker's telemetry notes each import in ~/intel before it sends anything."""
    script = f"""
import sys
from drivseg_ros.engines import EngineOptions, create_engine
from drivseg_ros.model.file import read_model_file
create_engine('openvino', read_model_file({str(tiny_model)!r}), EngineOptions('cpu'))
print([m for m in sys.modules if m.split('.')[0] == 'openvino_telemetry'])
from openvino import convert_model
"""
    done = subprocess.run(
        ['env', '-u', 'CI', f'HOME={tmp_path}', sys.executable, '-c', script],
        capture_output=True,
        text=True,
    )
    assert done.stdout == '[]\n', done.stderr
    assert not (tmp_path / 'intel').exists()
