# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What 'auto' takes, in which order, and what it says about it."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drivseg_ros.base.cpu_features import cpu_features
from drivseg_ros.base.gpus import Gpu, find_gpus
from drivseg_ros.engines import EngineOptions, create_engine, registry
from drivseg_ros.engines.base import NotBuiltError
from drivseg_ros.errors import EngineError, MissingDependencyError
from drivseg_ros.model.card import PRECISIONS
from drivseg_ros.model.file import ModelFile, read_model_file

GPU = Gpu(index=0, name='made up', capability=(8, 7), memory_gib=4.0)
WITHOUT_GPU = pytest.mark.skipif(bool(find_gpus()), reason='this machine has an NVIDIA GPU')


@pytest.mark.parametrize('name', ['magic', '', 'Auto', 'onnxruntime_engine'])
def test_unknown_engine(tiny_model: Path, name: str) -> None:
    with pytest.raises(EngineError, match=rf"unknown engine '{name}'; allowed are auto, onnxr"):
        create_engine(name, read_model_file(tiny_model), EngineOptions())


@WITHOUT_GPU
def test_auto_without_gpu(tiny_model: Path) -> None:
    engine = create_engine('auto', read_model_file(tiny_model), EngineOptions())
    assert (engine.name, engine.device) == ('onnxruntime', 'cpu')
    assert engine.choice == 'auto took onnxruntime on cpu; no NVIDIA GPU was found'
    engine.close()


@pytest.mark.skipif('bf16' not in cpu_features(), reason='this CPU has no bf16')
@pytest.mark.skipif(
    importlib.util.find_spec('openvino') is None,
    reason="openvino is not installed: pip install '.[openvino]'",
)
def test_auto_takes_the_first_that_can(tiny_model: Path) -> None:
    options = EngineOptions(device='cpu', precision='bf16')
    engine = create_engine('auto', read_model_file(tiny_model), options)
    assert (engine.name, engine.device, engine.precision) == ('openvino', 'cpu', 'bf16')
    assert engine.choice.startswith('auto took openvino on cpu; ')
    assert "onnxruntime on cpu: precision 'bf16' was asked for" in engine.choice
    engine.close()


@WITHOUT_GPU
def test_auto_with_a_device_that_is_not_there(tiny_model: Path) -> None:
    with pytest.raises(EngineError, match=r"'cuda:1' was asked for, .* shows no NVIDIA GPU"):
        create_engine('auto', read_model_file(tiny_model), EngineOptions(device='cuda:1'))


def test_auto_says_why_each_one_cannot(tiny_model: Path) -> None:
    with pytest.raises(EngineError) as caught:
        create_engine('auto', read_model_file(tiny_model), EngineOptions(device='cpu:3'))
    text = str(caught.value)
    assert text.startswith('no engine can run this model as asked for. ')
    assert "onnxruntime on cpu: unknown device 'cpu:3'" in text
    assert 'on cuda:' not in text


@pytest.mark.parametrize('device', ['npu', 'gpu:1', 'tpu', '', 'CPU'])
def test_auto_with_a_device_that_it_does_not_know(tiny_model: Path, device: str) -> None:
    with pytest.raises(EngineError, match=rf"device '{device}' is not one that .* knows"):
        create_engine('auto', read_model_file(tiny_model), EngineOptions(device=device))


class Runtimes:
    """Runtimes of a machine with an NVIDIA GPU, which can run nothing but what is named."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.able: set[tuple[str, str]] = set()
        self.missing: set[str] = set()
        self.built = False
        self.asked: list[tuple[str, str]] = []
        for name, runtime in list(registry.RUNTIMES.items()):
            fake = dataclasses.replace(runtime, create=self._creator(name))
            monkeypatch.setitem(registry.RUNTIMES, name, fake)
        monkeypatch.setattr(registry, 'find_gpus', lambda: (GPU,))

    def _creator(self, name: str) -> Any:
        def create(_model: ModelFile, options: EngineOptions, _on_progress: Any) -> Any:
            self.asked.append((name, options.device))
            if name in self.missing:
                raise MissingDependencyError(f'{name} is not installed')
            if (name, options.device) not in self.able:
                raise EngineError(f'{name} is unable')
            if registry.RUNTIMES[name].builds and not (self.built or options.build):
                raise NotBuiltError('it is not built')
            return SimpleNamespace(name=name, device=options.device)

        return create


@pytest.fixture
def runtimes(monkeypatch: pytest.MonkeyPatch) -> Runtimes:
    return Runtimes(monkeypatch)


def test_order(runtimes: Runtimes, tiny_model: Path) -> None:
    runtimes.missing = {'openvino'}
    with pytest.raises(EngineError, match=r'openvino on cpu: openvino is not installed') as caught:
        create_engine('auto', read_model_file(tiny_model), EngineOptions())
    assert runtimes.asked == [
        ('tensorrt', 'cuda'),
        ('onnxruntime', 'cuda'),
        ('onnxruntime', 'cpu'),
        ('openvino', 'cpu'),
    ]
    assert str(caught.value).count('is unable') == 3


def test_order_for_a_checkpoint(runtimes: Runtimes, tiny_checkpoint: Path) -> None:
    with pytest.raises(
        EngineError, match=r'torch on cuda: torch is unable; torch on cpu: torch is'
    ):
        create_engine('auto', read_model_file(tiny_checkpoint), EngineOptions())
    assert runtimes.asked == [('torch', 'cuda'), ('torch', 'cpu')]


@pytest.mark.parametrize(
    ('built', 'device', 'asked', 'choice'),
    [
        (True, 'auto', [('tensorrt', 'cuda')], 'auto took tensorrt on cuda'),
        (
            False,  # it is not built, and nobody is made to wait for a build
            'auto',
            [('tensorrt', 'cuda'), ('onnxruntime', 'cuda')],
            'auto took onnxruntime on cuda; tensorrt on cuda: it is not built',
        ),
        (
            True,
            'cuda:1',
            [('tensorrt', 'cuda:1')],
            "auto took tensorrt on cuda; device 'cuda:1' was asked for",
        ),
        (
            True,
            'cpu',
            [('onnxruntime', 'cpu')],
            "auto took onnxruntime on cpu; device 'cpu' was asked for",
        ),
    ],
)
def test_choice(
    runtimes: Runtimes,
    tiny_model: Path,
    built: bool,
    device: str,
    asked: list[tuple[str, str]],
    choice: str,
) -> None:
    runtimes.built = built
    runtimes.able = {
        *(('tensorrt', d) for d in ('cuda', 'cuda:1')),
        ('onnxruntime', 'cuda'),
        ('onnxruntime', 'cpu'),
    }
    engine = create_engine('auto', read_model_file(tiny_model), EngineOptions(device=device))
    assert runtimes.asked == asked
    assert engine.choice == choice


def test_a_fault_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    def broken(*_: Any) -> Any:
        raise AttributeError('a fault')

    runtime = dataclasses.replace(registry.RUNTIMES['onnxruntime'], create=broken)
    monkeypatch.setitem(registry.RUNTIMES, 'onnxruntime', runtime)
    with pytest.raises(AttributeError, match='a fault'):
        create_engine('auto', read_model_file(tiny_model), EngineOptions(device='cpu'))


@pytest.mark.parametrize('name', registry.RUNTIMES)
def test_descriptors(name: str) -> None:
    runtime = registry.RUNTIMES[name]
    assert runtime.name == name
    assert set(runtime.auto) <= set(runtime.precisions)
    for precisions in runtime.precisions.values():
        assert set(precisions) <= set(PRECISIONS)
    assert name in registry.runtimes_table()
    if not runtime.is_installed:
        with pytest.raises(MissingDependencyError, match='not installed'):
            runtime.load()
        return
    try:
        description = runtime.describe()
    except MissingDependencyError:  # such as this build of onnxruntime without TensorRT
        return
    assert description.version
    kinds = {device.partition(' ')[0].partition(':')[0] for device in description.devices}
    assert kinds <= set(runtime.precisions)


@pytest.mark.parametrize('name', registry.RUNTIMES)
def test_a_file_of_the_other_kind_is_refused(name: str, tiny_model: Path) -> None:
    model = read_model_file(tiny_model)
    checkpoint = dataclasses.replace(model, architecture='fast_scnn')
    expected = r'runs \.onnx files, and .* is a checkpoint; .*`drivseg export`, or .* torch'
    if name == 'torch':
        model, checkpoint = checkpoint, model
        expected = r'torch runs checkpoints .*, and .* is an \.onnx file; take one of the engines '
        expected += 'tensorrt, onnxruntime, openvino, onnxruntime_tensorrt, or the checkpoint'
    runtime = registry.find_runtime(name)
    registry.check_runs(runtime, model)
    with pytest.raises(EngineError, match=expected):
        create_engine(name, checkpoint, EngineOptions())
