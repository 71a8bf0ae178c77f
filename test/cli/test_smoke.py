# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every command once as a process of its own; what it does in detail is tested in this process."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import pytest
import typer
from color_bag import write_color_bag
from command_line import COMMAND, drivseg, drivseg_process
from evaluation_bags import write_folder
from tiny_model import write_tiny_model

import drivseg_ros
from drivseg_ros.cli.app import app

TOPICS = '--image-topic /cam/image_raw --label-topic /cam/label'
# By command: arguments, in a folder with tiny.onnx, frames/ and the bag `drive`. Where a run takes
# long and is tested elsewhere as a process: arguments that are refused at once.
RUNS = {
    'bag from-dataset': 'folder frames --option classes=bdd100k -o OUT',
    'bag from-images': 'frames/images -o OUT',
    'bag from-scenes': '--size 64x48 --duration 0.2 -o OUT',
    'bag from-video': 'no.mp4 -o OUT',
    'bag info': 'drive',
    'bag to-images': f'drive {TOPICS} -o OUT',
    'bench engine': '--model tiny.onnx --engine onnxruntime --runs 2',
    'bench graph': '--node-input /nothing',
    'bench ground': '--size 64x48 --runs 2',
    'bench node': '--size nothing',
    'compare': 'no.onnx --data scenes -o OUT',
    'dataset check': 'folder frames --option classes=bdd100k',
    'dataset kinds': '',
    'demo': '--label-topic /nothing --output OUT',
    'doctor': '--no-self-test',
    'engine build': 'tiny.onnx --engine nothing',
    'engine list': '',
    'engine prune': '',
    'evaluate': f'drive {TOPICS} --model tiny.onnx --draws 0',
    'explain': 'frames/images/0.png --model no.safetensors -o OUT',
    'export': 'no.safetensors -o OUT',
    'ground calibrate': 'no_bag --lane-width 3.5',
    'import': '--list',
    'models architectures': '--size nothing',
    'models list': '',
    'models show': 'tiny.onnx',
    'parity': 'tiny.onnx --data frames/images --engine onnxruntime:fp32',
    'play': 'no_bag',
    'quantize': 'no.onnx --data frames -o OUT',
    'record': '/a /a -o OUT',
    'replay': f'drive {TOPICS} --model tiny.onnx',
    'report diff': 'no.json no.json',
    'report html': 'no.json',
    'segment': 'frames/images --output OUT --model tiny.onnx',
    'status': 'drive --model tiny.onnx --image-topic /cam/image_raw',
    'train': 'no.yaml --output OUT',
}
NEEDS = {'models architectures': 'torch'}
REFUSED = (
    *('bag from-video', 'bench graph', 'bench node', 'compare', 'demo', 'engine build', 'explain'),
    *(
        'export',
        'ground calibrate',
        'models architectures',
        'play',
        'quantize',
        'record',
        'report diff',
        'report html',
        'train',
    ),
)


def commands(group: object = None, path: tuple[str, ...] = ()) -> list[str]:
    """All commands, those of groups with the group's name before theirs."""
    group = typer.main.get_command(app) if group is None else group
    inner = getattr(group, 'commands', None)
    if inner is None:
        return [' '.join(path)]
    return [name for key, command in inner.items() for name in commands(command, (*path, key))]


@pytest.fixture(scope='module')
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('smoke')
    write_tiny_model(folder / 'tiny.onnx')
    write_folder(folder / 'frames')
    write_color_bag(folder / 'drive', frames=3)
    return folder


def test_none_is_forgotten() -> None:
    assert sorted(commands()) == sorted(RUNS)


@pytest.mark.process
@pytest.mark.parametrize('command', RUNS)
def test_a_run(command: str, place: Path, tmp_path: Path) -> None:
    module = NEEDS.get(command, 'drivseg_ros')
    if importlib.util.find_spec(module) is None:
        pytest.skip(f'{module} is not installed')
    arguments = RUNS[command].replace('OUT', str(tmp_path / 'out'))
    done = drivseg_process(
        *command.split(), *arguments.split(), cwd=place, DRIVSEG_CACHE=str(tmp_path / 'cache')
    )
    if command in REFUSED:
        assert done.returncode == 1, done.stdout + done.stderr
        assert done.stderr.startswith('drivseg: ')
        assert done.stderr.count('\n') == 1
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout or command in ('engine list', 'engine prune')
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize('command', ['', *RUNS])
def test_help(command: str) -> None:
    done = drivseg(*command.split(), '--help')
    assert done.returncode == 0
    assert f'drivseg {command}'.strip() in done.stdout


@pytest.mark.process
def test_version_behind_a_pipe_that_is_closed() -> None:
    assert drivseg_process('--version').stdout == f'{drivseg_ros.__version__}\n'
    with subprocess.Popen([*COMMAND, '--help'], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(timeout=60)
    assert process.returncode in (0, 1, 120)
