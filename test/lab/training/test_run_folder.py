# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a run that somebody else has written to."""

from __future__ import annotations

import math

import pytest
from tiny_recipes import tiny_recipe

pytest.importorskip('torch', reason='training needs torch')
pytest.importorskip('lightning', reason='training needs lightning')

from drivseg_ros.errors import DrivsegError, ParameterError, TrainingError
from drivseg_ros.lab.training.recipe_file import plain_recipe
from drivseg_ros.lab.training.run_folder import RunFolder

RECIPE = tiny_recipe()
FACTS = {'recipe': plain_recipe(RECIPE), 'data': {'train': ['a']}, 'devices': 1}


@pytest.fixture
def folder(tmp_path):
    made = RunFolder(tmp_path / 'run')
    made.start(FACTS, RECIPE, 'told\n', [1, 2, 3])
    return made


def test_what_is_written_is_read_again(folder):
    rows = [{'epoch': 1.0, 'dice_loss': 0.1, 'miou': math.nan}, {'epoch': 2.0, 'dice_loss': 1e-9}]
    for row in rows:
        folder.add_row(row)
    assert str(folder.rows()) == str([rows[0], {**rows[1], 'miou': math.nan}])
    assert folder.pixels() == [1, 2, 3]
    assert folder.go_on(FACTS) == 0
    assert not folder.rows(), 'no epoch is done without a state'


@pytest.mark.parametrize(
    ('name', 'text', 'kind', 'words'),
    [
        ('run.json', None, ParameterError, 'no run in .* without --resume'),
        ('run.json', '', TrainingError, r'run\.json .*damaged.*another folder'),
        ('run.json', '{"facts": ', TrainingError, r'run\.json .*damaged'),
        ('run.json', '[]', TrainingError, r'run\.json .*damaged'),
        ('metrics.csv', 'epoch,dice_loss\n1,"0,5"\n', TrainingError, r'metrics\.csv .*numbers'),
        ('metrics.csv', 'epoch,dice_loss\n1,0.5,7\n', TrainingError, r'metrics\.csv .*numbers'),
        ('state.safetensors', '', TrainingError, r'state\.safetensors .*damaged'),
        ('state.safetensors', 'x' * 50, TrainingError, r'state\.safetensors .*damaged'),
    ],
)
def test_damage_is_told(folder, name, text, kind, words):
    path = folder.path / name
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text)
    with pytest.raises(DrivsegError, match=words) as error:
        folder.go_on(FACTS)
    assert type(error.value) is kind
