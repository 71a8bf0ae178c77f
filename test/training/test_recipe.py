# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from drivseg_ros.errors import ParameterError
from drivseg_ros.training.recipe import Recipe, Stage

STAGES = (Stage(2, 64, 32, 4), Stage(1, 128, 64, 2))


def test_a_recipe_counts_its_epochs_and_steps():
    recipe = Recipe(STAGES, {'a': 10, 'b': 7})
    assert recipe.epochs == 3
    assert [recipe.stage_of(epoch).width for epoch in range(3)] == [64, 64, 128]
    assert [recipe.steps_in(epoch) for epoch in range(3)] == [4, 4, 8]
    assert recipe.steps == 16
    with pytest.raises(ParameterError, match='epoch 3 lies behind the end'):
        recipe.stage_of(3)


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: Stage(0, 64, 32, 4), 'a stage of 0 epochs'),
        (lambda: Stage(1, 64, 32, 1), 'batches of 1'),
        (lambda: Stage(1, 60, 32, 4), '60x32'),
        (lambda: Stage(1, 64, 16, 4), '64x16'),
        (lambda: Stage(1, 64, 32, 4, rate=0), 'rate 0'),
        (lambda: Recipe((), {'a': 1}), 'at least one stage'),
        (lambda: Recipe(STAGES, {}), 'at least one stage'),
        (lambda: Recipe(STAGES, {'a': 0}), 'samples is'),
        (lambda: Recipe(STAGES, {'a': 1}, learning_rate=0), 'learning rate 0'),
        (lambda: Recipe(STAGES, {'a': 1}, clip=0), 'clip 0'),
        (lambda: Recipe(STAGES, {'a': 1}, average=1.0), 'average 1.0'),
        (lambda: Recipe(STAGES, {'a': 1}, warm_up=1.0), 'warm-up 1.0'),
    ],
)
def test_values_out_of_range_are_refused(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
