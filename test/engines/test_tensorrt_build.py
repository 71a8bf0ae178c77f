# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Builds with a real TensorRT that needs no GPU: they succeed, fail and die in good order."""

from __future__ import annotations

import dataclasses
import functools
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from build_harness import needs_rtx, plans_in, prepare
from onnx import TensorProto, helper, numpy_helper
from tiny_model import write_tiny_model

from drivseg_ros.engines.base import BuildProgress, say_nothing
from drivseg_ros.engines.graph_quantised import fold_int32_constants
from drivseg_ros.engines.plan_cache import PlanCache
from drivseg_ros.engines.plan_pruning import find_removals
from drivseg_ros.engines.tensorrt_build import BuildOptions, PhaseTree, build_plan
from drivseg_ros.engines.tensorrt_library import load_tensorrt
from drivseg_ros.engines.tensorrt_plan import get_plan
from drivseg_ros.errors import EngineError
from drivseg_ros.lab.importing.card_file import find_card, read_card
from drivseg_ros.lab.importing.importer import import_network
from drivseg_ros.model.file import ModelFile
from drivseg_ros.model.store import list_models


@pytest.fixture
def cache(tmp_path: Path) -> PlanCache:
    return PlanCache(tmp_path / 'plans')


@needs_rtx
@pytest.mark.parametrize(
    ('path', 'precision'),
    [
        pytest.param(model.path, precision, id=f'{model.path.stem}-{precision}')
        for model in list_models()
        if isinstance(model, ModelFile)
        for precision in ('auto', *(('fp16', 'bf16') if model.card.precision == 'fp32' else ()))
    ],
)
def test_shipped_models_build(path: Path, precision: str, cache: PlanCache) -> None:
    model, key, target = prepare(path, precision=precision, max_batch=3)
    told: list[BuildProgress] = []
    plan = get_plan(model, key, target, cache=cache, on_progress=told.append)
    assert len(plan) > path.stat().st_size / 4
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert len(fractions) > 10
    told.clear()
    assert get_plan(model, key, target, cache=cache, on_progress=told.append) == plan
    assert told == []


@needs_rtx
@pytest.mark.parametrize(
    ('network', 'card'),
    [
        ('twinlitenet.onnx', 'twinlitenet'),
        ('twinlitenetplus_nano.onnx', 'twinlitenet_plus'),
        ('road-segmentation-adas-0001.xml', 'road_segmentation_adas_0001'),
    ],
)
def test_imported_networks_build(
    network: str, card: str, shared_data: Path, tmp_path: Path
) -> None:
    imported = import_network(
        shared_data / 'networks' / network, read_card(find_card(card)), tmp_path / 'm.onnx'
    )
    library = load_tensorrt()
    for precision in ('', 'fp16', 'bf16'):
        options = BuildOptions(convert_to=precision, max_batch=3, capability='8.9')
        plan = build_plan(
            imported.file.path.read_bytes(),
            library,
            options,
            on_progress=say_nothing,
            on_log=lambda _text, _is_error: None,
        )
        assert len(plan) > 100_000


@needs_rtx
def test_the_log_is_kept_and_told(tiny_model: Path, cache: PlanCache) -> None:
    model, key, target = prepare(tiny_model)
    lines: list[str] = []
    get_plan(model, key, target, cache=cache, on_line=lines.append)
    assert any('Engine generation completed' in line for line in lines)
    assert cache.log_path(key).read_text().splitlines()[: len(lines)] == lines
    more: list[str] = []
    cache.remove(key)
    get_plan(model, key, target, cache=cache, on_line=more.append, verbose=True)
    assert len(more) > len(lines)


def write_quantised_model(path: Path, *, zero_point: int = 0) -> Path:
    """A tiny model with int8 convolution, int32 bias, as onnxruntime's quantisation writes it."""
    model = onnx.load(write_tiny_model(path, work=1, precision='int8'))
    graph = model.graph
    constants = {
        's': np.array(1.0, np.float32),
        'z': np.array(zero_point, np.int8),
        'same_q': numpy_helper.to_array(next(t for t in graph.initializer if t.name == 'same')),
        'bias_q': np.zeros(32, np.int32),
        'bias_s': np.ones(32, np.float32),
    }
    constants['same_q'] = constants['same_q'].astype(np.int8)
    graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in constants.items())
    nodes = [
        helper.make_node('QuantizeLinear', ['work_0', 's', 'z'], ['q'], 'quantise'),
        helper.make_node('DequantizeLinear', ['q', 's', 'z'], ['work_q'], 'dequantise'),
        helper.make_node('DequantizeLinear', ['same_q', 's', 'zero'], ['same_d'], 'weights'),
        helper.make_node('DequantizeLinear', ['bias_q', 'bias_s'], ['bias'], 'bias', axis=0),
    ]
    graph.initializer.append(numpy_helper.from_array(np.array(0, np.int8), 'zero'))
    at = next(i for i, n in enumerate(graph.node) if list(n.input) == ['work_0', 'same'])
    del graph.node[at].input[:]
    graph.node[at].input.extend(['work_q', 'same_d', 'bias'])
    for node in reversed(nodes):
        graph.node.insert(at, node)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


@needs_rtx
@pytest.mark.parametrize('zero_point', [0, -5])
def test_quantised_models_build(zero_point: int, tmp_path: Path, cache: PlanCache) -> None:
    model, key, target = prepare(write_quantised_model(tmp_path / 'q.onnx', zero_point=zero_point))
    assert key.precision == 'int8'
    assert get_plan(model, key, target, cache=cache)
    assert ('made signed and symmetric' in cache.log_path(key).read_text()) == bool(zero_point)


def test_int32_constants_are_folded_exactly() -> None:
    rng = np.random.default_rng(0)
    nodes, constants, expected = [], {}, {}
    for name, shape, axis, per_axis, zero in (
        ('bias', (5,), 0, True, None),
        ('scalar', (4, 5), 1, False, 7),
        ('second', (4, 5), 1, True, 0),
        ('first', (4, 5), 0, True, None),
    ):
        values = rng.integers(-1000, 1000, shape).astype(np.int32)
        scale = rng.random(shape[axis] if per_axis else ()).astype(np.float32)
        constants |= {f'{name}_q': values, f'{name}_s': scale}
        inputs = [f'{name}_q', f'{name}_s']
        if zero is not None:
            constants[f'{name}_z'] = np.full(scale.shape, zero, np.int32)
            inputs.append(f'{name}_z')
        nodes.append(helper.make_node('DequantizeLinear', inputs, [name], axis=axis))
        column = scale[:, None] if per_axis and axis == 0 and len(shape) == 2 else scale
        expected[name] = (values - (zero or 0)) * column
    keep = helper.make_node('DequantizeLinear', ['w', 'scalar_s'], ['kept'])
    constants['w'] = np.ones(3, np.int8)
    initializers = [numpy_helper.from_array(v, k) for k, v in constants.items()]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in expected]
    graph = helper.make_graph([*nodes, keep], 'g', [], outputs, initializers)
    folded = fold_int32_constants(helper.make_model(graph)).graph
    assert [n.output[0] for n in folded.node] == ['kept']
    values = {t.name: numpy_helper.to_array(t) for t in folded.initializer}
    assert set(values) == {*expected, 'w', 'scalar_s'}
    for name, wanted in expected.items():
        np.testing.assert_allclose(values[name], wanted, rtol=1e-6)


def write_model_with(path: Path, kind: str) -> Path:
    """A model that has a node of the kind."""
    model = onnx.load(write_tiny_model(path, width=48))
    model.graph.node.append(helper.make_node(kind, ['planes'], ['other'], '/head/odd'))
    onnx.save(model, path)
    return path


@needs_rtx
def test_an_error_names_the_node_and_nothing_of_the_builder(
    tmp_path: Path, cache: PlanCache
) -> None:
    model, key, target = prepare(write_model_with(tmp_path / 'm.onnx', 'Det'))
    with pytest.raises(EngineError) as error:
        get_plan(model, key, target, cache=cache)
    text = str(error.value)
    assert "cannot run this model: node '/head/odd' (Det): TensorRT does not have this" in text
    assert '.cpp' not in text
    assert 'Traceback' not in text
    assert '\n' not in text
    log = cache.log_path(key)
    assert text.endswith(f'the log is {log}')
    assert 'Det' in log.read_text()
    assert plans_in(cache) == []


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


@needs_rtx
@pytest.mark.parametrize('damage', [truncate, flip])
def test_a_damaged_plan_is_built_again(
    damage: Callable[[Path], None],
    tiny_model: Path,
    cache: PlanCache,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model, key, target = prepare(tiny_model)
    plan = get_plan(model, key, target, cache=cache)
    damage(cache.path(key))
    with caplog.at_level(logging.WARNING):
        again = get_plan(model, key, target, cache=cache)
    assert 'is not used, and made again' in caplog.text
    assert len(again) == len(plan)
    assert cache.load(key) == again


@needs_rtx
def test_a_plan_of_another_version_is_not_loaded(tiny_model: Path, cache: PlanCache) -> None:
    model, key, target = prepare(tiny_model)
    old = dataclasses.replace(key, runtime_version='1.0.0')
    cache.store(old, b'old plan')
    assert get_plan(model, key, target, cache=cache) != b'old plan'
    assert cache.load(old) == b'old plan'
    assert [r.reason for r in find_removals(cache)] == [
        f'made with tensorrt_rtx 1.0.0, and {key.runtime_version} is installed'
    ]
    other = dataclasses.replace(key, runtime_version='99.0')
    with pytest.raises(EngineError, match=r'installed meanwhile, in the place of .* 99\.0'):
        get_plan(model, other, target, cache=cache)


@needs_rtx
def test_a_model_that_changes_under_its_name(tmp_path: Path, cache: PlanCache) -> None:
    path = write_tiny_model(tmp_path / 'm.onnx')
    model, key, target = prepare(path)
    first = get_plan(model, key, target, cache=cache)
    write_tiny_model(path, work=2)
    changed, new_key, _ = prepare(path)
    assert new_key.stem != key.stem
    assert get_plan(changed, new_key, target, cache=cache) != first
    cache.remove(key)
    with pytest.raises(EngineError, match='was changed after it had been loaded'):
        get_plan(model, key, target, cache=cache)
    path.unlink()
    with pytest.raises(EngineError, match=r'cannot be read: No such file'):
        get_plan(model, key, target, cache=cache)


@needs_rtx
def test_a_disk_that_fills_up_during_the_build(tiny_model: Path, cache: PlanCache) -> None:
    # The limit holds for the builder, too, and the plan is larger.
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (100_000, 100_000))
    result = subprocess.run(
        [sys.executable, '-m', 'drivseg_ros.cli', 'engine', 'build', str(tiny_model)],
        env={**os.environ, 'DRIVSEG_CACHE': str(cache.directory)},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    assert result.returncode == 1
    (error,) = [line for line in result.stderr.splitlines() if line.startswith('drivseg: ')]
    assert 'cannot be written (' in error
    assert 'drivseg engine prune' in error
    assert plans_in(cache) == []


def test_phases_within_phases() -> None:
    tree = PhaseTree()
    assert tree.fraction == 0
    tree.start('build', None, 2)
    tree.start('parse', 'build', 4)
    tree.step('parse', 1)
    assert tree.fraction == 0.25
    tree.finish('parse')
    assert tree.fraction == 0.25  # never less
    tree.step('build', 0)
    assert tree.fraction == 0.5
    tree.start('optimise', 'build', 0)
    tree.step('optimise', 0)
    assert tree.fraction == 1
    tree.step('unknown', 3)
    tree.finish('build')
    assert tree.fraction == 1
