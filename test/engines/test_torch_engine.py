# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The torch engine: checkpoints give the same masks as their exports in onnxruntime."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")
pytest.importorskip('safetensors', reason="not installed: pip install '.[torch]'")

from checkpoints import (  # noqa: E402  # noqa: E402
    CPU,
    OUT_OF_MEMORY,
    image_engine,
    options,
    random_batch,
    random_card,
    random_network,
    rounded,
    run_plain,
    tiny_confidence,
    write_random_checkpoint,
)

from drivseg_ros.engines import Engine, ImageEngine, create_engine  # noqa: E402
from drivseg_ros.engines.base import default_threads  # noqa: E402
from drivseg_ros.engines.torch_batch_engine import choose_precision  # noqa: E402
from drivseg_ros.engines.torch_device import choose_device, describe_failure  # noqa: E402
from drivseg_ros.errors import EngineError  # noqa: E402
from drivseg_ros.model.file import read_model_file  # noqa: E402


@pytest.mark.parametrize('n', [1, 3])
def test_infer(tiny_checkpoint: Path, n: int) -> None:
    engine = create_engine('torch', read_model_file(tiny_checkpoint), options())
    batch = random_batch(n)
    ids, confidence = engine.infer(batch, confidence=True)
    assert confidence is not None
    np.testing.assert_array_equal(ids, batch.argmax(-1))
    assert np.abs(confidence.astype(int) - tiny_confidence(batch)).max() <= 1
    assert engine.infer(batch, confidence=False)[1] is None
    assert (engine.name, engine.device, engine.precision) == ('torch', 'cpu', 'fp32')
    assert not isinstance(engine, ImageEngine)
    engine.close()


@pytest.mark.parametrize('engine', ['torch', 'auto'])
def test_an_onnx_file_is_not_for_torch(tiny_model: Path, engine: str) -> None:
    model = read_model_file(tiny_model)
    if engine == 'auto':
        chosen = create_engine('auto', model, options())
        assert 'torch' not in (chosen.name, *chosen.choice.split())
        return
    expected = (
        r'torch runs checkpoints \(.safetensors\), and .*tiny.onnx is an .onnx file; take one of '
        'the engines .*onnxruntime, openvino.*, or the checkpoint'
    )
    with pytest.raises(EngineError, match=expected):
        create_engine('torch', model, options())


def made(pipeline: str, path: Path, precision: str) -> Engine:
    model = read_model_file(path)
    if pipeline == 'device':
        return image_engine(model, precision=precision)
    return create_engine('torch', model, options(precision=precision))


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_checkpoint(tmp_path_factory.mktemp('checkpoint') / 'm.safetensors')


@pytest.fixture(scope='module')
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip('onnx', reason="onnx is not installed: pip install '.[train]'")
    from drivseg_ros.lab.exporting.export import export_onnx

    folder = tmp_path_factory.mktemp('export')
    return export_onnx(random_network(), folder / 'm.onnx', random_card())


@pytest.mark.parametrize('pipeline', ['plain', 'device'])
def test_a_checkpoint_gives_what_its_export_gives(
    checkpoint: Path, export: Path, pipeline: str
) -> None:
    batch = random_batch(2, 64, 96)
    reference = create_engine('onnxruntime', read_model_file(export), options())
    wanted, wanted_levels = reference.infer(batch, confidence=True)
    engine = made(pipeline, checkpoint, 'fp32')
    ids, levels = engine.infer(batch, confidence=True)
    assert levels is not None
    assert wanted_levels is not None
    assert len(np.unique(wanted)) == 3
    assert (ids == wanted).mean() >= 0.999
    assert np.quantile(np.abs(levels.astype(int) - wanted_levels), 0.99) <= 1
    assert engine.infer(batch, confidence=False)[1] is None


@pytest.mark.parametrize('pipeline', ['plain', 'device'])
def test_bf16_costs_what_rounding_to_bf16_costs(checkpoint: Path, pipeline: str) -> None:
    """CPUs round in other places: some keep sums in float32, some have no bf16 and imitate it.

    So the bound is not a number but the error of the network whose weights and layers' results
    are rounded to bf16 and which is computed in float32: on every CPU the engine may be off by
    twice of it, in the share of other classes and in the confidence.
    """
    batch = random_batch(2, 64, 96)
    network = random_network()
    exact, allowed = run_plain(network, batch), run_plain(rounded(network), batch)
    engine = made(pipeline, checkpoint, 'bf16')
    ids, levels = engine.infer(batch, confidence=True)
    assert levels is not None
    assert engine.precision == 'bf16'
    assert 0 < (ids != exact[0]).mean() <= 2 * (allowed[0] != exact[0]).mean() < 0.2
    error, rounding = (np.abs(x.astype(int) - exact[1]).mean() for x in (levels, allowed[1]))
    assert 0 < error <= 2 * rounding


def test_a_checkpoint_needs_no_onnx(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'onnx', None)
    create_engine('torch', read_model_file(checkpoint), options()).close()


@pytest.mark.parametrize('pipeline', ['plain', 'device'])
def test_time_network(tiny_checkpoint: Path, pipeline: str) -> None:
    model = read_model_file(tiny_checkpoint)
    engine = create_engine('torch', model, options()) if pipeline == 'plain' else None
    times = (engine or image_engine(model)).time_network(2, runs=5)  # type: ignore[union-attr]
    assert len(times) == 5
    assert all(time > 0 for time in times)


def test_threads_are_the_engines_own(tiny_checkpoint: Path) -> None:
    model = read_model_file(tiny_checkpoint)
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
    ('asked', 'expected'),
    [
        ({'device': 'tpu'}, "unknown device 'tpu'; torch takes 'auto', 'cpu', 'cuda' or"),
        ({'device': 'cpu:1'}, "unknown device 'cpu:1'"),
        ({'device': 'cuda:x'}, "unknown device 'cuda:x'"),
        ({'device': 'cuda:99'}, "device 'cuda:99' was asked for, but"),
        ({'precision': 'fp16'}, "'fp16' is for GPUs: CPUs only imitate it. Ask for 'bf16'"),
        (
            {'precision': 'int8'},
            "'int8' was asked for, but .* on cpu in fp32, bf16; ask",
        ),
    ],
)
def test_refusals(tiny_checkpoint: Path, asked: dict, expected: str) -> None:
    with pytest.raises(EngineError, match=expected):
        create_engine('torch', read_model_file(tiny_checkpoint), options(**asked))


def test_bf16_on_an_old_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda _: (7, 5))
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda _: 'Tesla T4')
    device = torch.device('cuda:0')
    assert choose_precision('fp16', device) == 'fp16'
    with pytest.raises(
        EngineError, match=r"8\.0, and cuda:0 \(Tesla T4\) has 7\.5; ask for 'fp16'"
    ):
        choose_precision('bf16', device)


@pytest.mark.skipif(torch.backends.cuda.is_built(), reason='this torch was built with CUDA')
def test_a_torch_without_cuda_says_so() -> None:
    with pytest.raises(EngineError, match='was built without CUDA; install a torch with CUDA'):
        choose_device('cuda')
    assert choose_device('auto') == CPU


@pytest.mark.parametrize('shape', [(1, 10, 10, 3), (0, 48, 64, 3), (48, 64, 3)])
@pytest.mark.parametrize('pipeline', ['plain', 'device'])
def test_a_batch_that_does_not_fit(tiny_checkpoint: Path, shape: tuple, pipeline: str) -> None:
    model = read_model_file(tiny_checkpoint)
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
