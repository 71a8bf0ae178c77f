# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope='session')
def one_thread():
    """The maps here are tiny: several threads would only wait for each other."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)
