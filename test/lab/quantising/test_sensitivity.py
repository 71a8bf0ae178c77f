# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which layers are given up first, and how many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest
from convolution_model import LAYERS, colour_image, write_convolution_model

from drivseg_ros.lab.quantising.calibration import observe
from drivseg_ros.lab.quantising.equalisation import equalise
from drivseg_ros.lab.quantising.graph import Graph
from drivseg_ros.lab.quantising.sensitivity import Sensitivity

BATCHES = [colour_image(seed)[None] for seed in range(20)]
INSIDE = LAYERS[1:-1]
LIFT = 300.0


class Equal(Sensitivity):
    """As if every layer spoiled as much as any other."""

    def _agreement(self, int8: Sequence[str], places: Sequence[int]) -> float:
        return 99.0


def make(path: Path, kind: type[Sensitivity] = Sensitivity, **model: float) -> Sensitivity:
    graph = Graph(onnx.load(write_convolution_model(path, **model)))
    names = ['planes', *LAYERS, 'mix_relu', 'lift_relu']
    observed = observe(graph.model, names, BATCHES, threads=1)
    equalise(graph, observed)
    return kind(graph, observed, BATCHES, threads=1, on_step=lambda what, done, total: None)


def test_what_spoils_most_comes_first(tmp_path: Path) -> None:
    ranking = make(tmp_path / 'm.onnx', lift=LIFT).rank()
    assert set(ranking) == set(INSIDE)
    assert set(ranking[:2]) == {'lift', 'lower'}


def test_of_equals_the_one_that_saves_least(tmp_path: Path) -> None:
    # 9 multiplications a value in the depthwise one, 12 in the others.
    assert make(tmp_path / 'm.onnx', Equal).rank()[0] == 'blur'


@pytest.mark.parametrize(
    ('lift', 'min_agreement', 'kept'),
    [
        (0.0, 99.5, []),
        (LIFT, 99.5, ['lift', 'lower']),
        # Never more than half of them.
        (LIFT, 100.0, ['lift', 'lower']),
    ],
)
def test_as_few_as_it_takes(
    lift: float, min_agreement: float, kept: list[str], tmp_path: Path
) -> None:
    sensitivity = make(tmp_path / 'm.onnx', lift=lift)
    choice = sensitivity.choose(sensitivity.rank(), min_agreement=min_agreement)
    assert sorted(choice.layers) == kept
    assert 0 < choice.agreement <= 100
