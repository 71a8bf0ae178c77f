# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A run killed in mid-epoch and resumed ends with the bits of one that was not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from tiny_recipes import tiny_recipe

torch = pytest.importorskip('torch', reason='training needs torch')
for library in ('lightning', 'matplotlib'):
    pytest.importorskip(library, reason=f'training needs {library}')

from safetensors.torch import load_file  # noqa: E402

from drivseg_ros.lab.training.recipe_file import plain_recipe  # noqa: E402
from drivseg_ros.lab.training.run import train  # noqa: E402
from drivseg_ros.lab.training.run_folder import RunFolder  # noqa: E402

# What is killed where: dropout and views are random, batches accumulate.
KILLS = {
    'plain': ({}, 0, (2, 2)),
    'average': ({'average': 0.9}, 0, (1, 3)),
    'worker': ({'channels_last': True}, 1, (2, 3)),
    'average-worker': ({'average': 0.9, 'optimizer': 'adamw', 'accumulate': 2}, 1, (3, 1)),
}

# Imports once, then runs each recipe in a process of its own and kills it there.
KILLER = """
import json, os, signal, sys
from pathlib import Path
from drivseg_ros.lab.training.recipe_file import parse_recipe
from drivseg_ros.lab.training.run import train

class Killer:
    def __init__(self, place):
        self.place = place
    def say(self, text):
        pass
    def step(self, epoch, step, steps):
        if [epoch, step] == self.place:
            os.kill(os.getpid(), signal.SIGKILL)
    def epoch(self, row, best):
        pass

for recipe, folder, workers, place, cache in json.load(sys.stdin):
    pid = os.fork()
    if not pid:
        train(parse_recipe(recipe), Path(folder), device='cpu', threads=1, workers=workers,
              reporter=Killer(place), cache=Path(cache))
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
"""


def recipe_of(name):
    return tiny_recipe(epochs=3, augmentation={'flip': 0.5, 'zoom_in': 1.3}, **KILLS[name][0])


@pytest.fixture(scope='module')
def killed(tmp_path_factory):
    pytest.importorskip('torchvision', reason='augmentation needs torchvision')
    folder = tmp_path_factory.mktemp('killed')
    jobs = [
        [plain_recipe(recipe_of(name)), str(folder / name), workers, place, str(folder / 'cache')]
        for name, (_, workers, place) in KILLS.items()
    ]
    done = subprocess.run(
        [sys.executable, '-c', KILLER],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [str(int(signal.SIGKILL))] * len(KILLS), done.stderr
    return folder


def metrics(folder):
    return [
        {key: value for key, value in row.items() if key not in ('seconds', 'images_per_second')}
        for row in RunFolder(folder).rows()
    ]


@pytest.mark.parametrize('name', KILLS)
def test_killed_and_resumed_is_as_never_killed(name, killed, tmp_path):
    _, workers, place = KILLS[name]
    folder = killed / name
    assert len(metrics(folder)) == place[0] - 1, 'killed in the epoch behind these'
    options = {'device': 'cpu', 'threads': 1, 'workers': workers, 'cache': killed / 'cache'}
    train(recipe_of(name), folder, resume=True, **options)
    # The other one may load its frames otherwise: that decides nothing.
    train(recipe_of(name), tmp_path / 'whole', **{**options, 'workers': 0})
    assert metrics(folder) == metrics(tmp_path / 'whole')
    for file in ('best.safetensors', 'last.safetensors'):
        one, other = load_file(folder / file), load_file(tmp_path / 'whole' / file)
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert torch.equal(value, other[key]), (file, key)


def test_a_kill_between_the_files_of_an_epoch_disturbs_nothing(tmp_path):
    """Metrics are written before the state: the row of an epoch may be there before it counts."""
    recipe = tiny_recipe(epochs=2)
    whole = train(recipe, tmp_path / 'run', device='cpu', threads=1)
    before = metrics(tmp_path / 'run')
    files = RunFolder(tmp_path / 'run')
    files.state.unlink()  # as if the kill had come before the first state
    again = train(recipe, tmp_path / 'run', resume=True, device='cpu', threads=1)
    assert metrics(tmp_path / 'run') == before
    assert again.best == whole.best
