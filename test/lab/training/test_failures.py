# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ends a run from outside is told in a sentence."""

from __future__ import annotations

import os
import signal

import cv2
import numpy as np
import pytest
from tiny_recipes import tiny_recipe

torch = pytest.importorskip('torch', reason='training needs torch')
for library in ('lightning', 'matplotlib'):
    pytest.importorskip(library, reason=f'training needs {library}')

from drivseg_ros.errors import DataError, TrainingError  # noqa: E402
from drivseg_ros.lab.training.failures import explained  # noqa: E402
from drivseg_ros.lab.training.run import train  # noqa: E402


class Saboteur:
    """Does something when the data has been checked, or behind the first step."""

    def __init__(self, *, checked=None, stepped=None):
        self.checked, self.stepped = checked, stepped

    def say(self, text):
        if self.checked:
            self.checked()

    def step(self, epoch, step, steps):
        if self.stepped:
            self.stepped()

    def epoch(self, row, best):
        pass


@pytest.mark.parametrize('workers', [0, 1])
def test_a_frame_that_goes_away(workers, tmp_path):
    for name in ('images', 'labels'):
        (tmp_path / name).mkdir()
        for i in range(8):
            shape = (48, 64, 3) if name == 'images' else (48, 64)
            cv2.imwrite(str(tmp_path / name / f'{i}.png'), np.full(shape, i % 3, np.uint8))
    source = {'dataset': 'folder', 'root': str(tmp_path), 'options': {'classes': 'bdd100k'}}
    reporter = Saboteur(checked=lambda: (tmp_path / 'images' / '3.png').unlink(missing_ok=True))
    with pytest.raises(DataError, match=r'3\.png') as error:
        train(
            tiny_recipe(train=[source]),
            tmp_path / 'run',
            device='cpu',
            threads=1,
            workers=workers,
            reporter=reporter,
        )
    assert len(str(error.value).splitlines()) == 1


def test_a_loading_process_that_dies(tmp_path):
    def kill():
        children = f'/proc/{os.getpid()}/task/{os.getpid()}/children'
        with open(children) as file:
            for pid in map(int, file.read().split()):
                with open(f'/proc/{pid}/cmdline') as line:
                    if 'resource_tracker' not in line.read():
                        os.kill(pid, signal.SIGKILL)

    with pytest.raises(TrainingError, match=r'--workers.*--resume'):
        train(
            tiny_recipe(epochs=40),
            tmp_path / 'run',
            device='cpu',
            threads=1,
            workers=1,
            reporter=Saboteur(stepped=kill),
        )


@pytest.mark.parametrize(
    ('error', 'words'),
    [
        (torch.OutOfMemoryError('CUDA out of memory. Tried 2 GiB\nmore'), 'GPU .*accumulate'),
        (RuntimeError("[enforce] DefaultCPUAllocator: can't allocate memory"), 'machine .*batch'),
        (ConnectionResetError(104, 'Connection reset by peer'), r'process .*--workers'),
        (EOFError(), r'process .*\(EOFError\).*--workers'),
    ],
)
def test_what_runs_out_or_dies(error, words):
    with pytest.raises(TrainingError, match=words) as told, explained():
        raise error
    assert len(str(told.value).splitlines()) == 1


def test_other_errors_are_left_alone():
    with pytest.raises(RuntimeError, match=r'^a bug$'), explained():
        raise RuntimeError('a bug')
