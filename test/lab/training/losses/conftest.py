# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.frames.label_sets import LabelSets

ROAD = LabelSets(4, (frozenset({0, 1, 2}), frozenset({2, 3})))
"""The default network's: any road (KITTI), and what BDD100K calls background."""

CASES = {
    'whole labels': (LabelSets(3), [0, 1, 2]),
    'unlabelled pixels': (LabelSets(3), [0, 1, 2, 255]),
    'sets': (ROAD, [0, 1, 2, 3, 4, 5]),
    'sets and unlabelled': (ROAD, [0, 1, 2, 3, 4, 5, 255]),
    'sets alone': (ROAD, [4, 5]),
    'a class and a set around it': (ROAD, [0, 4]),
    'one class': (LabelSets(3), [1]),
    'nothing labelled': (ROAD, [255]),
}


@pytest.fixture(params=CASES, ids=str)
def case(request):
    """Logits float64 [2, C, 5, 7], target int64 [2, 5, 7], sets."""
    sets, codes = CASES[request.param]
    rng = np.random.default_rng(len(request.param))
    logits = rng.normal(0, 3, (2, sets.num_classes, 5, 7))
    return logits, rng.choice(codes, (2, 5, 7)).astype(np.int64), sets
