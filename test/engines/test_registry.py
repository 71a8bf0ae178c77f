# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What 'auto' takes, in which order, and what it says about it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from drivseg_ros.base.cpu_features import cpu_features
from drivseg_ros.base.gpus import Gpu, find_gpus
from drivseg_ros.engines import EngineOptions, create_engine, registry
from drivseg_ros.errors import EngineError, MissingDependencyError
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
    """Engine modules of a machine with an NVIDIA GPU, which can run nothing but what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.able: set[tuple[str, str]] = set()
        self.missing: set[str] = set()
        self.built = False
        self.asked: list[tuple[str, str]] = []
        for name, path in registry._MODULES.items():
            module = ModuleType(path)
            module.create = self._creator(name)  # type: ignore[attr-defined]
            module.is_built = lambda *_: self.built  # type: ignore[attr-defined]
            monkeypatch.setitem(sys.modules, path, module)
        monkeypatch.setattr(registry, 'find_gpus', lambda: (GPU,))

    def _creator(self, name: str) -> Any:
        def create(_model: ModelFile, options: EngineOptions, _on_progress: Any) -> Any:
            self.asked.append((name, options.device))
            if name in self.missing:
                raise MissingDependencyError(f'{name} is not installed')
            if (name, options.device) not in self.able:
                raise EngineError(f'{name} is unable')
            return SimpleNamespace(name=name, device=options.device)

        return create


@pytest.fixture
def runtimes(monkeypatch: pytest.MonkeyPatch) -> Runtimes:
    return Runtimes(monkeypatch)


def test_order(runtimes: Runtimes, tiny_model: Path) -> None:
    runtimes.built = True
    runtimes.missing = {'torch'}
    with pytest.raises(EngineError, match=r'torch on cuda: torch is not installed') as caught:
        create_engine('auto', read_model_file(tiny_model), EngineOptions())
    assert runtimes.asked == [
        ('tensorrt', 'cuda'),
        ('torch', 'cuda'),
        ('onnxruntime', 'cuda'),
        ('onnxruntime', 'cpu'),
        ('openvino', 'cpu'),
        ('torch', 'cpu'),
    ]
    assert str(caught.value).count('is unable') == 4


@pytest.mark.parametrize(
    ('built', 'device', 'asked', 'choice'),
    [
        (True, 'auto', [('tensorrt', 'cuda')], 'auto took tensorrt on cuda'),
        (
            False,  # it is not built, and nobody is made to wait for a build
            'auto',
            [('torch', 'cuda'), ('onnxruntime', 'cuda')],
            'auto took onnxruntime on cuda; tensorrt on cuda: no plan was built ahead of time '
            '(drivseg engine build makes one); torch on cuda: torch is unable',
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


def test_a_fault_of_ours_is_not_hidden(runtimes: Runtimes, tiny_model: Path) -> None:
    def broken(*_: Any) -> Any:
        raise AttributeError('a fault')

    module: Any = sys.modules[registry._MODULES['onnxruntime']]
    module.create = broken
    with pytest.raises(AttributeError, match='a fault'):
        create_engine('auto', read_model_file(tiny_model), EngineOptions(device='cpu'))
