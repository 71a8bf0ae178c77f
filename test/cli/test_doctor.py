# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg doctor` on this machine, and on one where nothing is installed."""

from __future__ import annotations

import getpass
import json
import os
import platform
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import drivseg_ros


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command],
        env={**os.environ, 'NO_COLOR': '1', **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, '-m', 'drivseg_ros.cli', 'doctor', *arguments, **environment)


def test_page_with_self_test(tmp_path: Path) -> None:
    home = tmp_path / 'someone'
    home.mkdir()
    result = doctor(HOME=str(home), DRIVSEG_CACHE=str(home / 'cache'))
    assert result.returncode == 0, result.stdout + result.stderr
    page = result.stdout
    for title in ('Machine', 'Libraries', 'ROS 2', 'Transport of images', 'Models', 'Engines'):
        assert f'{title}\n' in page
    assert '\nThe default network works on this machine.' in page
    assert 'auto (the default): one frame on ' in page
    assert '~/cache' in page
    assert str(home) not in page
    for line in page.splitlines():
        assert len(line) <= 100 or max(map(len, line.split())) > 80, line  # a long path
    if len(platform.node()) > 6:
        assert platform.node() not in page
    if getpass.getuser() not in ('root', 'user'):
        assert f'/{getpass.getuser()}' not in page


def test_json_without_self_test(tmp_path: Path) -> None:
    (tmp_path / 'broken.onnx').write_text('nonsense')
    result = doctor('--json', '-', '--no-self-test', DRIVSEG_MODEL_PATH=str(tmp_path))
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report['drivseg_ros'] == drivseg_ros.__version__
    assert report['works'] is True
    findings = {f['name']: f for section in report['sections'] for f in section['findings']}
    assert findings['broken.onnx']['level'] == 'problem'
    assert findings['broken.onnx']['advice']
    assert findings['onnxruntime']['data']['version']
    assert not any(name.startswith('auto') for name in findings)


@pytest.fixture(scope='module')
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that has nothing but itself."""
    folder = tmp_path_factory.mktemp('bare') / 'venv'
    venv.create(folder, with_pip=False)
    return str(folder / 'bin/python')


def test_where_nothing_is_installed(bare_python: str) -> None:
    here = str(Path(drivseg_ros.__file__).parents[1])
    result = run(bare_python, '-m', 'drivseg_ros.doctor', PYTHONPATH=here, AMENT_PREFIX_PATH='')
    assert result.returncode == 1
    assert result.stderr == ''
    page = result.stdout
    # This Python's pip, which is not in PATH.
    assert f'!! numpy: not installed\n     > {bare_python} -m pip install' in page
    assert '!! auto (the default): ' in page
    assert '\nThe default network does not work on this machine.' in page
