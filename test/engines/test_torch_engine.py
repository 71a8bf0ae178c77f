# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The torch engine: the same masks as onnxruntime, from .onnx files and from checkpoints."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tiny_model import write_tiny_model

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")

from torch_engines import CPU, OUT_OF_MEMORY, image_engine, options, random_batch  # noqa: E402

from drivseg_ros.engines import ImageEngine, create_engine  # noqa: E402
from drivseg_ros.engines.base import default_threads  # noqa: E402
from drivseg_ros.engines.torch_device import choose_device, describe_failure  # noqa: E402
from drivseg_ros.engines.torch_network import choose_precision  # noqa: E402
from drivseg_ros.errors import EngineError, MissingDependencyError  # noqa: E402
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard  # noqa: E402
from drivseg_ros.model.file import read_model_file  # noqa: E402
from drivseg_ros.model.store import find_model  # noqa: E402

DEFAULT_MODEL = 'efficientnet_lite_fpn_lanes'


@pytest.mark.parametrize('n', [1, 3])
def test_infer(tiny_model: Path, n: int) -> None:
    engine = create_engine('torch', read_model_file(tiny_model), options())
    batch = random_batch(n)
    ids, confidence = engine.infer(batch, confidence=True)
    assert confidence is not None
    np.testing.assert_array_equal(ids, batch.argmax(-1))
    np.testing.assert_array_equal(confidence, batch.max(-1))
    assert engine.infer(batch, confidence=False)[1] is None
    assert (engine.name, engine.device, engine.precision) == ('torch', 'cpu', 'fp32')
    assert not isinstance(engine, ImageEngine)
    engine.close()


def test_model_without_confidence(tmp_path: Path) -> None:
    model = read_model_file(write_tiny_model(tmp_path / 'm.onnx', confidence=False))
    for engine in (create_engine('torch', model, options()), image_engine(model)):
        assert engine.infer(random_batch(1), confidence=True)[1] is None
    assert engine.segment([random_batch(1)[0]], confidence=True)[0][1] is None


# Four classes, of which the labels do not always tell other_road from background: more pixels lie
# on a border than with three.
@pytest.mark.parametrize(('precision', 'agreement'), [('fp32', 0.999), ('bf16', 0.99)])
def test_agrees_with_onnxruntime_on_real_frames(
    shared_data: Path, precision: str, agreement: float
) -> None:
    model = find_model(DEFAULT_MODEL)
    size = (model.card.input_width, model.card.input_height)
    frames = sorted((shared_data / 'bdd100k_drivable' / 'images').glob('*.jpg'))[::60]
    assert frames
    images = [
        cv2.resize(cv2.imread(str(f))[..., ::-1], size, interpolation=cv2.INTER_AREA)
        for f in frames
    ]
    compare_with_onnxruntime(model, np.stack(images), precision, agreement)


@pytest.mark.parametrize(('precision', 'agreement'), [('fp32', 0.999), ('bf16', 0.99)])
def test_agrees_with_onnxruntime_on_patches(precision: str, agreement: float) -> None:
    model = find_model(DEFAULT_MODEL)
    coarse = random_batch(2, model.card.input_height // 40, model.card.input_width // 40)
    compare_with_onnxruntime(
        model, coarse.repeat(40, axis=1).repeat(40, axis=2), precision, agreement
    )


def compare_with_onnxruntime(
    model: Any, batch: np.ndarray, precision: str, agreement: float
) -> None:
    reference = create_engine('onnxruntime', model, options())
    engine = create_engine('torch', model, options(precision=precision))
    wanted, levels = reference.infer(batch, confidence=True)
    ids, confidence = engine.infer(batch, confidence=True)
    assert engine.precision == precision
    assert len(np.unique(wanted)) > 1
    assert (ids == wanted).mean() >= agreement
    assert confidence is not None
    assert levels is not None
    difference = np.abs(confidence.astype(int) - levels)
    # Where bf16 is rounded depends on the CPU's instructions: up to 13 of 255 were seen.
    assert np.quantile(difference, 0.99) <= (1 if precision == 'fp32' else 20)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A checkpoint of random weights whose answers vary, and its export."""
    pytest.importorskip('safetensors', reason="not installed: pip install '.[torch]'")
    from drivseg_ros.lab.exporting.export import export_onnx
    from drivseg_ros.networks.checkpoint import save_checkpoint
    from drivseg_ros.networks.fast_scnn import FastSCNN

    torch.manual_seed(0)
    network = FastSCNN(3, dropout=0.0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    x = torch.from_numpy(random_batch(8, 64, 96).astype(np.float32) / 64 - 2).permute(0, 3, 1, 2)
    with torch.no_grad():
        logits = network.train()(x)[0]
        network.classifier[-1].bias.sub_(logits.mean(dim=(0, 2, 3)))
    card = ModelCard('random', BDD100K_CLASSES, 96, 64)
    folder = tmp_path_factory.mktemp('checkpoint')
    return (
        save_checkpoint(network, folder / 'm.safetensors', architecture='fast_scnn', card=card),
        export_onnx(network.eval(), folder / 'm.onnx', card),
    )


@pytest.mark.parametrize('pipeline', ['plain', 'device'])
@pytest.mark.parametrize(('precision', 'agreement'), [('fp32', 0.999), ('bf16', 0.97)])
def test_a_checkpoint_gives_what_its_export_gives(
    checkpoint: tuple[Path, Path], pipeline: str, precision: str, agreement: float
) -> None:
    batch = random_batch(2, 64, 96)
    results = []
    for path in checkpoint:
        model = read_model_file(path)
        if pipeline == 'plain':
            engine = create_engine('torch', model, options(precision=precision))
        else:
            engine = image_engine(model, precision=precision)
        results.append(engine.infer(batch, confidence=True))
    assert engine.infer(batch, confidence=False)[1] is None
    (ids, levels), (wanted, wanted_levels) = results
    assert levels is not None
    assert wanted_levels is not None
    assert len(np.unique(wanted)) == 3
    assert (ids == wanted).mean() >= agreement
    assert np.quantile(np.abs(levels.astype(int) - wanted_levels), 0.99) <= (
        1 if precision == 'fp32' else 12
    )


def test_a_checkpoint_needs_no_onnx(
    checkpoint: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where onnx is missing, a checkpoint runs, and an .onnx file says what to install."""
    monkeypatch.setitem(sys.modules, 'onnx', None)
    for name in [
        name for name in sys.modules if name.startswith('drivseg_ros.lab.exporting.export')
    ]:
        monkeypatch.delitem(sys.modules, name)
    create_engine('torch', read_model_file(checkpoint[0]), options())
    with pytest.raises(MissingDependencyError, match=r'pip install .*\[torch\]'):
        create_engine('torch', read_model_file(checkpoint[1]), options())


@pytest.mark.parametrize('pipeline', ['plain', 'device'])
def test_time_network(tiny_model: Path, pipeline: str) -> None:
    model = read_model_file(tiny_model)
    engine = create_engine('torch', model, options()) if pipeline == 'plain' else None
    times = (engine or image_engine(model)).time_network(2, runs=5)  # type: ignore[union-attr]
    assert len(times) == 5
    assert all(time > 0 for time in times)


def test_threads_are_the_engines_own(tiny_model: Path) -> None:
    model = read_model_file(tiny_model)
    before = torch.get_num_threads()
    engine = create_engine('torch', model, options(threads=before + 1))
    seen = []
    engine._network.register_forward_hook(  # type: ignore[attr-defined]
        lambda *_: seen.append(torch.get_num_threads())
    )
    engine.infer(random_batch(1), confidence=False)
    assert (engine.threads, seen, torch.get_num_threads()) == (before + 1, [before + 1], before)
    assert create_engine('torch', model, options()).threads == default_threads()


@pytest.mark.parametrize(
    ('card', 'asked', 'expected'),
    [
        ({}, {'device': 'tpu'}, "unknown device 'tpu'; torch takes 'auto', 'cpu', 'cuda' or"),
        ({}, {'device': 'cpu:1'}, "unknown device 'cpu:1'"),
        ({}, {'device': 'cuda:x'}, "unknown device 'cuda:x'"),
        ({}, {'device': 'cuda:99'}, "device 'cuda:99' was asked for, but"),
        ({}, {'precision': 'fp16'}, "'fp16' is for GPUs: CPUs only imitate it. Ask for 'bf16'"),
        ({'precision': 'fp16'}, {}, r"'fp16' is for GPUs \(.*tiny.onnx is fp16\)"),
        ({}, {'precision': 'int8'}, "'int8' was asked for, but torch runs .* fp32, in fp32 or"),
        ({'precision': 'bf16'}, {'precision': 'fp32'}, 'which is bf16, in bf16; ask for'),
        ({'precision': 'int8'}, {}, 'is an int8 model, which onnxruntime, openvino and tensorrt'),
    ],
)
def test_refusals(tmp_path: Path, card: dict, asked: dict, expected: str) -> None:
    model = read_model_file(write_tiny_model(tmp_path / 'tiny.onnx', **card))
    with pytest.raises(EngineError, match=expected):
        create_engine('torch', model, options(**asked))


def test_bf16_on_an_old_gpu(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda _: (7, 5))
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda _: 'Tesla T4')
    model, device = read_model_file(tiny_model), torch.device('cuda:0')
    assert choose_precision(model, 'fp16', device) == 'fp16'
    with pytest.raises(
        EngineError, match=r"8\.0, and cuda:0 \(Tesla T4\) has 7\.5; ask for 'fp16'"
    ):
        choose_precision(model, 'bf16', device)


@pytest.mark.skipif(torch.backends.cuda.is_built(), reason='this torch was built with CUDA')
def test_a_torch_without_cuda_says_so() -> None:
    with pytest.raises(EngineError, match='was built without CUDA; install a torch with CUDA'):
        choose_device('cuda')
    assert choose_device('auto') == CPU


@pytest.mark.parametrize('shape', [(1, 10, 10, 3), (0, 48, 64, 3), (48, 64, 3)])
@pytest.mark.parametrize('pipeline', ['plain', 'device'])
def test_a_batch_that_does_not_fit(tiny_model: Path, shape: tuple, pipeline: str) -> None:
    model = read_model_file(tiny_model)
    engine = create_engine('torch', model, options()) if pipeline == 'plain' else None
    with pytest.raises(EngineError, match=r'takes uint8 \[N, 48, 64, 3\]'):
        (engine or image_engine(model)).infer(np.zeros(shape, np.uint8), confidence=False)


def while_handling(first: Exception) -> Exception:
    """What ending a recording raises after something else went wrong in it."""
    second = RuntimeError('CUDA error: operation failed due to a previous error during capture')
    second.__context__ = first
    return second


@pytest.mark.parametrize(
    ('error', 'expected'),
    [
        (
            torch.cuda.OutOfMemoryError(OUT_OF_MEMORY),
            r'cuda:0 has not enough memory: .*Tried to allocate 20\.00 MiB\. GPU 0 has .* 7\.79 '
            r"GiB of which 12\.31 MiB is free\. Take a smaller model or batch, or precision 'fp16'",
        ),
        (
            RuntimeError('CUDA error: an illegal memory access was encountered\nCompile with'),
            'cuda:0 failed: CUDA error: an illegal memory access was encountered. CUDA can do '
            'nothing more in this process; restart it',
        ),
        (
            RuntimeError('CUDA error: operation not permitted when stream is capturing'),
            'cannot be recorded as a CUDA graph on cuda:0: .*take another engine',
        ),
        (RuntimeError('shapes\ndiffer'), 'torch failed on cuda:0: shapes$'),
        (while_handling(torch.cuda.OutOfMemoryError(OUT_OF_MEMORY)), 'has not enough memory'),
    ],
)
def test_failures_are_described(error: Exception, expected: str) -> None:
    assert re.search(expected, str(describe_failure(error, torch.device('cuda:0'))))
