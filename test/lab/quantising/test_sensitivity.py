# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which layers are given up first, and how many."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from convolution_model import LAYERS, colour_image, write_convolution_model

from drivseg_ros.lab.quantising.sensitivity import Sensitivity
from drivseg_ros.lab.quantising.static import StaticInt8

BATCHES = [colour_image(seed)[None] for seed in range(20)]
LIFT = 300.0


def make(folder: Path, **model: float) -> Sensitivity:
    graph = onnx.load(write_convolution_model(folder / 'm.onnx', **model))
    maker = StaticInt8(graph, BATCHES, folder)
    return Sensitivity(maker, graph, BATCHES, threads=1, on_step=lambda what, done, total: None)


def test_what_changes_most_comes_first(tmp_path: Path) -> None:
    ranking = make(tmp_path, lift=LIFT).rank()
    assert set(ranking) == set(LAYERS)
    assert set(ranking[:2]) == {'lift', 'lower'}


@pytest.mark.parametrize(
    ('lift', 'min_agreement', 'kept'),
    [
        (0.0, 95.0, 0),
        (LIFT, 95.0, 2),
        # Never more than half of them.
        (LIFT, 100.0, 3),
    ],
)
def test_as_few_as_it_takes(lift: float, min_agreement: float, kept: int, tmp_path: Path) -> None:
    sensitivity = make(tmp_path, lift=lift)
    choice = sensitivity.choose(sensitivity.rank(), min_agreement=min_agreement)
    assert len(choice.kept_float) == kept
    if kept:
        assert set(choice.kept_float) >= {'lift', 'lower'}
    assert 0 < choice.agreement <= 100
