# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg models architectures` lists what can be trained."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.cli.app import app  # noqa: E402
from drivseg_ros.errors import MissingDependencyError, ModelError, ParameterError  # noqa: E402
from drivseg_ros.networks import registry  # noqa: E402

ARGUMENTS = ['models', 'architectures', '--size']


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that are quickly made, and one whose library is missing."""

    def missing(classes: int) -> None:
        raise MissingDependencyError('needs a library')

    few = {name: registry.ARCHITECTURES[name] for name in ('fast_scnn', 'unet')}
    monkeypatch.setattr(registry, 'ARCHITECTURES', {**few, 'segformer_b0': missing})


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ['models', 'architectures', *arguments])
    if result.exception:
        raise result.exception
    return result.stdout


def test_table() -> None:
    text = run('--classes', '19')
    rows = {line.split()[1]: line for line in text.splitlines() if '│' in line}
    assert '1.14' in rows['fast_scnn']
    assert '31.0' in rows['unet']
    assert '640x360' in text
    assert 'segformer_b0' not in text


def test_json_at_another_size() -> None:
    small, large = (
        {row['architecture']: row for row in json.loads(run('--json', '-', '--size', size))}
        for size in ('64x64', '128x64')
    )
    assert small['unet']['parameters'] == large['unet']['parameters']
    assert large['unet']['gmacs'] == pytest.approx(2 * small['unet']['gmacs'])
    assert small['fast_scnn']['weights'] == []


def test_a_size_that_one_refuses_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def choosy(classes: int) -> torch.nn.Module:
        network = registry.ARCHITECTURES['fast_scnn'](classes)
        network.forward = refuse  # type: ignore[method-assign]
        return network

    def refuse(image: torch.Tensor) -> torch.Tensor:
        raise ModelError('takes multiples of 8')

    both = {'fast_scnn': registry.ARCHITECTURES['fast_scnn'], 'choosy': choosy}
    monkeypatch.setattr(registry, 'ARCHITECTURES', both)
    rows = {row['architecture']: row for row in json.loads(run('--json', '-', '--size', '65x49'))}
    assert rows['choosy']['gmacs'] is None
    assert rows['choosy']['parameters'] == rows['fast_scnn']['parameters']
    assert rows['fast_scnn']['gmacs'] > 0
    assert 'choosy: takes multiples of 8' in CliRunner().invoke(app, [*ARGUMENTS, '65x49']).stderr


@pytest.mark.parametrize('size', ['640', '0x10', '640x-1', '640,360'])
def test_what_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(ParameterError, match='write it like 1280x720'):
        run('--size', size)
