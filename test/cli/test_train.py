# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg train` as a person meets it: lines, exit statuses, Ctrl-C, the way to a model file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import cv2
import numpy as np
import pytest
from command_line import COMMAND, drivseg, drivseg_process
from tiny_recipes import content, scenes
from typer.testing import CliRunner

for library in ('torch', 'lightning', 'matplotlib'):
    pytest.importorskip(library, reason=f'training needs {library}')

import torch  # noqa: E402

from drivseg_ros.cli.app import app  # noqa: E402
from drivseg_ros.errors import DrivsegError  # noqa: E402
from drivseg_ros.scenes import random_frame  # noqa: E402


def called(*arguments):
    """Raises what the command would say."""
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / 'tiny.yaml'
    path.write_text(json.dumps(content(epochs=1)))  # JSON is YAML
    return path


def test_from_a_recipe_to_a_model_file_that_answers_alike(recipe, tmp_path):
    pytest.importorskip('onnx', reason='the export needs onnx')
    options = ['--output', tmp_path / 'run', '--threads', 1, '--no-mlflow', '--device', 'cpu']
    trained = drivseg('train', recipe, *options, '--set', 'average=0.5', '--set', 'limit_batches=2')
    assert trained.returncode == 0, trained.stderr
    assert 'epoch 1 of 1 is the best, dice loss 0.' in trained.stdout
    assert trained.stdout.startswith(str(tmp_path / 'run' / 'best.safetensors'))
    lines = trained.stderr.splitlines()
    assert [line.split(':')[0] for line in lines] == ['train', 'validation', 'epoch 1/1'], lines
    again = called('train', recipe, *options)
    assert isinstance(again.exception, DrivsegError)
    assert '--resume' in str(again.exception)
    best = tmp_path / 'run' / 'best.safetensors'
    before = best.stat().st_mtime_ns
    short = ('--set', 'limit_batches=2', '--overwrite')
    assert called('train', recipe, *options, *short).exit_code == 0
    assert best.stat().st_mtime_ns > before

    checkpoint, model = tmp_path / 'run' / 'best.safetensors', tmp_path / 'm.onnx'
    exported = called('export', checkpoint, '--output', model)
    assert exported.exit_code == 0, exported.exception
    for seed in range(3):
        picture = random_frame(seed, 64, 48).image
        (tmp_path / 'pictures').mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / 'pictures' / f'{seed}.png'), picture[..., ::-1])
    held = called(
        *('parity', f'{model}=onnxruntime', f'{checkpoint}=torch:fp32'),
        *('--data', tmp_path / 'pictures'),
    )
    assert held.exit_code == 0, held.output


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--set', 'epohcs=3'], ['epohcs', 'epochs']),
        (['--set', 'precision=fp8'], ['precision', 'bf16-mixed']),
        (['--set', 'batch=1'], ['batch', '2 to 4096']),
        (['--device', 'cuda:77'], ['cuda:77', 'cpu']),
        (['--set', "weights=it's.safetensors"], ["no checkpoint at it's.safetensors"]),
        (['--resume'], ['no run in']),
        (['--resume', '--overwrite'], ['one of them']),
        (['--mlflow-uri', 'x', '--no-mlflow'], ['one of them']),
    ],
)
def test_refusals(recipe, tmp_path, arguments, words):
    done = called('train', recipe, '--output', tmp_path / 'run', *arguments)
    assert isinstance(done.exception, DrivsegError)
    for word in words:
        assert word in str(done.exception)
    assert not (tmp_path / 'run' / 'run.json').exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU here')
def test_a_gpu_that_is_not_there_is_said_to_be_missing(recipe, tmp_path):
    done = called('train', recipe, '--output', tmp_path / 'run', '--device', 'cuda')
    assert isinstance(done.exception, DrivsegError)
    assert "device 'cuda' was asked for" in str(done.exception)
    assert len(str(done.exception).splitlines()) == 1


@pytest.mark.parametrize(
    ('number', 'status'),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
    ids=['Ctrl-C', 'SIGTERM'],
)
def test_an_interrupted_run_says_how_it_goes_on(tmp_path, number, status):
    path = tmp_path / 'long.yaml'
    path.write_text(json.dumps(content(epochs=1000, train=[scenes(0, 8)])))
    run = tmp_path / 'run'
    options = [*COMMAND, 'train', str(path), '--output', str(run), '--no-mlflow', '--workers', '1']
    process = subprocess.Popen(
        [*options, '--device', 'cpu', '--threads', '1'], stderr=subprocess.PIPE, text=True
    )
    while not (run / 'state.safetensors').exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    told = process.communicate()[1]
    assert process.returncode == status, told
    last = told.strip().splitlines()[-1]
    assert last.startswith('interrupted; the same command with --resume continues')
    assert 'Traceback' not in told
    assert not [p.name for p in run.iterdir() if 'partial' in p.name]


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path):
    """On two CPUs by gloo: every validation frame counts once, and one speaks for both."""
    from drivseg_ros.lab.training.run_folder import RunFolder
    from drivseg_ros.networks.checkpoint import load_checkpoint
    from drivseg_ros.networks.deployed import DeployedNetwork

    path = tmp_path / 'two.yaml'
    path.write_text(json.dumps(content(epochs=2, batch=3, average=0.5)))
    options = ['--output', tmp_path / 'run', '--threads', 1, '--no-mlflow', '--device', 'cpu']
    arguments = [*options, '--devices', 2, '--workers', 0]
    done = drivseg_process('train', path, *arguments, OMP_NUM_THREADS='1')
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('is the best') == 1
    assert done.stderr.count('epoch 1/2') == 1
    last = RunFolder(tmp_path / 'run').rows()[-1]
    assert last['step'] == 2 * (14 // (3 * 2))

    network, _ = load_checkpoint(tmp_path / 'run' / 'last.safetensors')
    deployed = DeployedNetwork(network, width=64, height=48).eval()
    frames = [random_frame(seed, 64, 48) for seed in range(100, 105)]
    images = torch.stack([torch.from_numpy(frame.image.copy()) for frame in frames])
    with torch.inference_mode():
        ids = deployed(images)[0].numpy()
    labels = np.stack([frame.class_ids for frame in frames])
    assert (ids == labels).mean() == pytest.approx(last['pixel_accuracy'], abs=1e-3)
    refused = called('train', path, *options, '--resume')
    assert isinstance(refused.exception, DrivsegError)
    assert 'other devices: 2' in str(refused.exception)


def test_a_missing_library_is_named(recipe, tmp_path):
    (tmp_path / 'sitecustomize.py').write_text("import sys\nsys.modules['lightning'] = None\n")
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get('PYTHONPATH')]))
    done = subprocess.run(
        [*COMMAND, 'train', str(recipe), '--output', str(tmp_path / 'run'), '--no-mlflow'],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, 'PYTHONPATH': paths},
    )
    assert done.returncode == 1
    assert 'training needs lightning' in done.stderr
    assert '[train]' in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
