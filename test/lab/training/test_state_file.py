# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a run on disk: everything comes back as it was, and nothing is unpickled."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='training needs torch')
pytest.importorskip('lightning', reason='training needs lightning')
from safetensors.torch import save_file  # noqa: E402

from drivseg_ros.errors import TrainingError  # noqa: E402
from drivseg_ros.lab.training.state_file import SafetensorsIO  # noqa: E402


def same(one, other):
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert one.stride() == other.stride()
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        assert type(one) is type(other)
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    else:
        assert type(one) is type(other)
        assert one == other or one != one


def test_everything_comes_back(tmp_path):
    weight = torch.randn(4, 3, 3, 3)
    state = {
        'epoch': 3,
        'state_dict': {
            'w': weight,
            'last': weight.to(memory_format=torch.channels_last),
            'again': weight,
            'half': torch.randn(2).half(),
            'brain': torch.randn(2).bfloat16(),
            'count': torch.tensor(5),
            'empty': torch.zeros(0, 2),
            'mask': torch.tensor([True, False]),
        },
        'optimizer_states': [
            {
                'state': {0: {'step': torch.tensor(3.0)}, 1: {}},
                'param_groups': [{'betas': (0.9, 0.999), 'lr': 1e-3 / 3, 'params': [0, 1]}],
            }
        ],
        'odd': {
            'none': None,
            'inf': float('inf'),
            'nan': float('nan'),
            'text': 'ä"\n',
            'no': False,
        },
    }
    path = tmp_path / 'folder' / 'state.safetensors'
    SafetensorsIO().save_checkpoint(state, path)
    same(state, SafetensorsIO().load_checkpoint(path, weights_only=False))
    assert [p.name for p in path.parent.iterdir()] == ['state.safetensors']
    mask = os.umask(0o022)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_numpy_numbers_become_plain_ones(tmp_path):
    path = tmp_path / 's.safetensors'
    SafetensorsIO().save_checkpoint({'best': np.float64(0.1), 'n': np.int64(3)}, path)
    assert SafetensorsIO().load_checkpoint(path) == {'best': 0.1, 'n': 3}


@pytest.mark.parametrize('value', [object(), {1.5: 2}, lambda: 0, {1, 2}])
def test_what_a_state_cannot_hold(tmp_path, value):
    with pytest.raises(TrainingError, match='checkpoint/odd'):
        SafetensorsIO().save_checkpoint({'odd': value}, tmp_path / 's.safetensors')
    assert not list(tmp_path.iterdir())


def damaged(path, how):
    if how == 'missing':
        return
    if how == 'pickle':
        torch.save({'a': 1}, path)
    elif how == 'other':
        save_file({'a': torch.zeros(1)}, str(path))
    else:
        SafetensorsIO().save_checkpoint({'a': torch.zeros(100)}, path)
        path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize('how', ['missing', 'pickle', 'other', 'cut'])
def test_files_that_are_no_states(tmp_path, how):
    path = tmp_path / 's.safetensors'
    damaged(path, how)
    with pytest.raises(TrainingError, match=r's\.safetensors'):
        SafetensorsIO().load_checkpoint(path)


def test_a_full_disk_is_one_sentence(tmp_path):
    """A limit on the size of files is met like the end of a disk."""
    script = f"""
import torch
from drivseg_ros.errors import DataError
from drivseg_ros.lab.training.state_file import SafetensorsIO
try:
    path = {str(tmp_path / 's.safetensors')!r}
    SafetensorsIO().save_checkpoint({{'a': torch.zeros(10**6)}}, path)
except DataError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, '-c', script],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10**5, 10**5)),
        check=False,
    )
    assert 'cannot be written' in done.stdout, done.stderr
    assert '--resume' in done.stdout
    assert not list(tmp_path.iterdir())
