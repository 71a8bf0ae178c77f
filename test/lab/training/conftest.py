# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools

import pytest

from drivseg_ros.frames import rendered


@pytest.fixture(autouse=True, scope='session')
def one_thread():
    """The maps here are tiny: several threads would only wait for each other."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope='session')
def scenes_are_painted_once():
    """Runs check, train and validate on the same few scenes; painting them again costs minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendered, 'random_frame', functools.lru_cache(256)(rendered.random_frame))
        yield
