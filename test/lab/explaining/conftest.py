# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A SegFormer before a small picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from network_zoo import network_or_skip, subject_of

if TYPE_CHECKING:
    from drivseg_ros.lab.explaining.subject import Subject


@pytest.fixture(scope='session')
def segformer_subject() -> Subject:
    """SegFormer B0; 100x72, so that its reduced keys do not cover the whole picture."""
    import torch

    torch.manual_seed(0)
    network = network_or_skip('segformer_b0', 3)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.endswith(('q.weight', 'kv.weight')):
                weight.mul_(20)  # random weights alone attend to everything alike
    return subject_of(network, architecture='segformer_b0', width=100, height=72)
