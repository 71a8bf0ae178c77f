# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg engine`: build, list, prune, each telling what it did."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import subprocess
from pathlib import Path

import pytest
from command_line import drivseg

from drivseg_ros.engines.plan_cache import PlanCache, PlanKey

needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec('tensorrt_rtx') is None
    or importlib.util.find_spec('tensorrt') is not None,
    reason="tensorrt_rtx is not installed: pip install '.[tensorrt-rtx]'",
)


def engine(cache: Path, *arguments: str, columns: int = 300) -> subprocess.CompletedProcess[str]:
    return drivseg('engine', *arguments, COLUMNS=str(columns), DRIVSEG_CACHE=str(cache))


@needs_rtx
def test_build_list_prune(tiny_model: Path, tmp_path: Path) -> None:
    cache = tmp_path / 'plans'
    command = ('build', str(tiny_model), '--compute-capability', '8.9', '--max-batch', '2')
    built = engine(cache, *command)
    assert built.returncode == 0, built.stderr
    title = f'{tiny_model.stem} for tensorrt_rtx '
    assert built.stdout.startswith(title)
    assert 'on compute capability 8.9, fp32, batch 1 to 2' in built.stdout
    assert 'built in' in built.stdout
    assert 'Building engine' in built.stderr
    (plan,) = cache.glob('*.plan')
    assert str(plan) in built.stdout

    again = engine(cache, *command, '--verbose')
    assert 'was built before' in again.stdout
    assert 'Engine generation completed' in again.stderr

    listed = engine(cache, 'list').stdout
    assert listed.startswith(title)
    assert plan.name in listed
    assert 'of no use' not in listed

    assert '0 files, 0.0 MB, removed' in engine(cache, 'prune').stdout
    tiny_model.unlink()
    assert f'of no use: its model {tiny_model.resolve()} is gone' in engine(cache, 'list').stdout
    dry = engine(cache, 'prune', '--dry-run').stdout
    assert 'would be removed' in dry
    assert plan.exists()
    pruned = engine(cache, 'prune').stdout
    assert plan.name in pruned
    assert list(cache.iterdir()) == []
    assert engine(cache, 'list').stdout == f'No engines in {cache}.\n'


@needs_rtx
def test_verbose_shows_the_builders_log(tiny_model: Path, tmp_path: Path) -> None:
    result = engine(tmp_path, 'build', str(tiny_model), '--compute-capability=8.9', '--verbose')
    assert result.returncode == 0
    assert len(result.stderr.splitlines()) > 100


def test_prune_by_age(tmp_path: Path) -> None:
    model = tmp_path / 'net.onnx'
    model.write_bytes(b'')
    cache = PlanCache(tmp_path / 'plans')
    key = PlanKey(
        model_sha256=hashlib.sha256(b'').hexdigest(),
        runtime='numpy',
        runtime_version=importlib.metadata.version('numpy'),
        device='d',
        precision='fp32',
        min_batch=1,
        max_batch=1,
        height=1,
        width=1,
        model_path=str(model),
    )
    path = cache.store(key, b'plan')
    week_ago = path.stat().st_mtime - 7 * 86_400
    os.utime(path, (week_ago, week_ago))
    assert '0 files' in engine(cache.directory, 'prune', '--older-than', '8').stdout
    assert 'not used for 7 days' in engine(cache.directory, 'prune', '--older-than', '6').stdout
    assert not path.exists()


def test_file_names_are_never_cut(tmp_path: Path) -> None:
    (tmp_path / f'{"0123abcd" * 4}.plan').write_text('no plan')
    pruned = engine(tmp_path, 'prune', '--dry-run', columns=80).stdout
    assert f'{"0123abcd" * 4}.plan ' in pruned


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (['no_such_model'], 'no_such_model'),
        (['--engine', 'torch'], "engine 'torch' has nothing to build; those that have are"),
        (
            ['--engine', 'openvino', '--compute-capability', '8.9'],
            '--compute-capability is for engine tensorrt',
        ),
        (['--device', 'cuda:99'], None),
        (['--precision', 'int8'], None),
        (['--compute-capability', '1.0'], None),
    ],
)
def test_errors_are_one_line(
    arguments: list[str], expected: str | None, tiny_model: Path, tmp_path: Path
) -> None:
    model = [] if arguments == ['no_such_model'] else [str(tiny_model)]
    result = engine(tmp_path / 'plans', 'build', *model, *arguments)
    assert result.returncode == 1
    assert result.stdout == ''
    (line,) = result.stderr.splitlines()
    assert line.startswith('drivseg: ')
    # Where no TensorRT is installed, that comes first.
    assert expected is None or expected in line


@needs_rtx
def test_a_cache_that_cannot_be_written_is_one_line(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / 'file').write_bytes(b'')
    result = engine(
        tmp_path / 'file' / 'plans', 'build', str(tiny_model), '--compute-capability', '8.9'
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert 'plans cannot be written to' in line
    assert '$DRIVSEG_CACHE' in line


@pytest.mark.skipif(
    importlib.util.find_spec('openvino') is None,
    reason="openvino is not installed: pip install '.[openvino]'",
)
def test_other_engines_build_by_running(tiny_model: Path, tmp_path: Path) -> None:
    command = ('build', str(tiny_model), '--engine', 'openvino', '--device', 'cpu')
    result = engine(tmp_path, *command, '--max-batch', '2')
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith('openvino is ready for tiny on cpu, fp32')
