# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a user names: networks, and the data they are measured on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_model import write_tiny_model

from drivseg_ros.errors import DataError, DrivsegError, ModelError, ParameterError
from drivseg_ros.lab.comparing.candidates import find_candidates, find_measured_sets
from drivseg_ros.lab.training.recipe_file import ready_recipes
from drivseg_ros.model.store import DEFAULT_MODEL

RECIPE = """
name: small
architecture: fast_scnn
weights: none
width: 64
height: 48
epochs: 3
train: [{dataset: scenes, options: {seeds: [0, 4], width: 64, height: 48}}]
validation: [{dataset: scenes, options: {seeds: [10, 12], width: 64, height: 48}}]
held_out: [{dataset: scenes, options: {seeds: [20, 23], width: 64, height: 48}}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / 'small.yaml').write_text(RECIPE)
    (tmp_path / 'bare.yaml').write_text(RECIPE.replace('held_out', '# held_out'))
    for name in ('a', 'b'):
        write_tiny_model(tmp_path / name / 'same.onnx', name='one')
        write_tiny_model(tmp_path / f'{name}.onnx', name='one')
    (tmp_path / 'broken.onnx').write_text('no network')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_recipes_files_and_names(folder: Path) -> None:
    named = ['small.yaml', 'a.onnx', DEFAULT_MODEL]
    found = find_candidates(named, overrides=['epochs=7'])
    assert [one.title for one in found] == ['small', 'one', DEFAULT_MODEL]
    assert found[0].recipe is not None
    assert found[0].recipe.epochs == 7
    assert [one.file is None for one in found] == [True, False, False]


def test_a_name_is_a_model_and_a_yaml_file_is_a_recipe(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = sorted(ready_recipes())[0]
    with pytest.raises(ModelError, match=f'the ready recipe is written {recipe}.yaml'):
        find_candidates([recipe])
    write_tiny_model(folder / 'models' / f'{recipe}.onnx')
    monkeypatch.setenv('DRIVSEG_MODEL_PATH', str(folder / 'models'))
    assert find_candidates([recipe])[0].title == 'tiny'
    assert find_candidates([f'{recipe}.yaml'])[0].recipe is not None


def test_files_with_one_name_are_told_apart_by_their_file(folder: Path) -> None:
    assert [one.title for one in find_candidates(['a.onnx', 'b.onnx'])] == ['one (a)', 'one (b)']


def test_labels_say_what_the_files_of_all_sets_mean(folder: Path, tmp_path: Path) -> None:
    for name in ('images', 'labels'):
        (tmp_path / 'set' / name).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / 'set/images/a.png'), np.zeros((2, 3, 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'set/labels/a.png'), np.array([[0, 1, 2], [255, 0, 0]], np.uint8))
    candidates = find_candidates(['a.onnx'])
    (one,) = find_measured_sets(
        [f'folder={tmp_path}/set'], candidates, data=None, labels='bdd100k_first_release'
    )
    assert one.dataset[0].label.tolist() == [[2, 0, 1], [255, 2, 2]]
    with pytest.raises(ParameterError, match='has no label files whose meaning could be given'):
        find_measured_sets(['scenes'], candidates, data=None, labels='bdd100k')
    with pytest.raises(ParameterError, match=r"set' is a path and not a data set; .*folder=PATH"):
        find_measured_sets([f'{tmp_path}/set'], candidates, data=None)


@pytest.mark.parametrize(
    ('texts', 'error', 'message'),
    [
        ([], ParameterError, 'nothing to compare'),
        (['absent.yaml'], ParameterError, "no file 'absent.yaml'"),
        (['absent'], ModelError, "no model is called 'absent'"),
        (['broken.onnx'], ModelError, 'cannot be read as ONNX'),
        (['small.yaml', 'small.yaml'], ParameterError, "two of the networks are called 'small'"),
        (['a/same.onnx', 'b/same.onnx'], ParameterError, r'called .one \(same\)'),
    ],
)
def test_refused_networks(
    folder: Path, texts: list[str], error: type[DrivsegError], message: str
) -> None:
    with pytest.raises(error, match=message):
        find_candidates(texts)


def test_what_recipes_hold_out_is_measured_on(folder: Path) -> None:
    candidates = find_candidates(['small.yaml', 'a.onnx'])
    (one_set,) = find_measured_sets((), candidates, data=None)
    assert (one_set.title, len(one_set.dataset)) == ('scenes', 3)
    named = ['scenes,seeds=[7, 9],width=64,height=48', 'scenes:held_out']
    sets = find_measured_sets(named, candidates, data=None)
    assert [one.title for one in sets] == ['scenes', 'scenes (held_out)']
    assert (len(sets[0].dataset), sets[0].dataset[0].image.shape) == (2, (48, 64, 3))


def test_roots_limits_and_titles(folder: Path, shared_data: Path) -> None:
    text = "folder:held_out=${data}/bdd100k_drivable,classes=bdd100k,group='^[^-]+'"
    candidates = find_candidates(['a.onnx'])
    drivable = text.replace('classes=bdd100k', 'classes=[rest, drivable]')
    texts = [f'{text},labels=labels_by_lane', drivable]
    sets = find_measured_sets(texts, candidates, data=shared_data, limit=4)
    assert [one.title for one in sets] == [
        'bdd100k_drivable (held_out) 1',
        'bdd100k_drivable (held_out) 2',
    ]
    assert [len(one.dataset) for one in sets] == [4, 4]
    assert [len(one.dataset.classes) for one in sets] == [3, 2]


@pytest.mark.parametrize(
    ('texts', 'error', 'message'),
    [
        ([], ParameterError, 'no data set to measure on'),
        (['=root'], ParameterError, 'not understood'),
        (['scenes:'], ParameterError, 'not understood'),
        (['scenes,width'], ParameterError, 'not understood'),
        (['scenes,width={'], ParameterError, 'not understood'),
        (['absent'], ParameterError, "no data set of the kind 'absent'"),
        (['scenes:nowhere'], ParameterError, 'nowhere'),
        (['scenes,colour=red'], ParameterError, "no option 'colour'"),
        (['kitti_road=absent'], DataError, 'no folder absent'),
        (['kitti_road=${data}/kitti'], ParameterError, '--data-folder'),
    ],
)
def test_refused_data(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    texts: list[str],
    error: type[DrivsegError],
    message: str,
) -> None:
    monkeypatch.delenv('DRIVSEG_DATA', raising=False)
    with pytest.raises(error, match=message):
        find_measured_sets(texts, find_candidates(['bare.yaml', 'a.onnx']), data=None)
