# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Nothing is reported to the makers of the libraries, and no identifier is left behind."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# With these set, onnxruntime says nothing of its own accord.
_SILENCING = ('CI', 'TF_BUILD', 'GITHUB_ACTIONS', 'ORT_DISABLE_TELEMETRY', 'ORT_RUNNING_UNIT_TESTS')


def files_left_by(code: str, home: Path) -> list[str]:
    """The files that a process of its own leaves in its home folder."""
    environment = {k: v for k, v in os.environ.items() if k not in _SILENCING}
    for variable in ('XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME'):
        environment.pop(variable, None)
    environment |= {'HOME': str(home), 'PYTHONPATH': str(ROOT)}
    subprocess.run([sys.executable, '-c', code], env=environment, cwd=home, check=True)
    return sorted(str(p.relative_to(home)) for p in home.rglob('*') if p.is_file())


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino', 'torch'])
def test_an_engine_leaves_nothing_behind(tiny_model: Path, tmp_path: Path, engine: str) -> None:
    if importlib.util.find_spec(engine) is None:  # to import openvino here would report it
        pytest.skip(f"{engine} is not installed: pip install '.[{engine}]'")
    model = tiny_model
    if engine == 'torch':
        from checkpoints import write_random_checkpoint

        model = write_random_checkpoint(tmp_path / 'm.safetensors')
    home = tmp_path / 'home'
    home.mkdir()
    code = (
        'from drivseg_ros.segmenter import Segmenter\n'
        f'with Segmenter.open({str(model)!r}, engine={engine!r}, device="cpu") as segmenter:\n'
        '    segmenter.warm_up()\n'
    )
    assert files_left_by(code, home) == []


def test_who_wants_to_report_may(tmp_path: Path) -> None:
    code = 'import os, drivseg_ros; print(os.environ["ORT_DISABLE_TELEMETRY"])'
    for value, expected in ((None, '1'), ('0', '0')):
        environment = {k: v for k, v in os.environ.items() if k not in _SILENCING}
        if value is not None:
            environment['ORT_DISABLE_TELEMETRY'] = value
        done = subprocess.run(
            [sys.executable, '-c', code],
            env={**environment, 'PYTHONPATH': str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected
