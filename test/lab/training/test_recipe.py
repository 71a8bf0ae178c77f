# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes: the reference as default, refusals, files that extend each other, changes."""

from __future__ import annotations

import dataclasses

import pytest
from tiny_recipes import content, tiny_recipe

from drivseg_ros.errors import ParameterError
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_file import (
    find_recipe,
    parse_recipe,
    plain_recipe,
    read_recipe,
    ready_recipes,
    write_recipe,
)
from drivseg_ros.lab.training.recipe_parts import LANE_CLASSES, Source, Teacher, asked
from drivseg_ros.model.card import BDD100K_CLASSES, Role

SCENES = Source('scenes')


def test_the_default_values_are_the_reference_recipe():
    recipe = Recipe('x', 'unet', (SCENES,), (SCENES,))
    assert (recipe.batch, recipe.epochs, recipe.optimizer) == (8, 12, 'adam')
    assert (recipe.schedule, recipe.learning_rate, recipe.ascent) == ('onecycle', 3e-4, 0.3)
    assert (recipe.width, recipe.height, recipe.classes) == (640, 360, BDD100K_CLASSES)
    assert (recipe.weights, recipe.loss, recipe.augmentation) == ('imagenet', 'cross_entropy', None)
    assert not any((recipe.freeze, recipe.average, recipe.clip, recipe.weight_decay))


def test_dict_and_file_give_the_recipe_back(tmp_path):
    recipe = tiny_recipe(
        classes=[
            {'name': 'a', 'color': [1, 2, 3]},
            {'name': 'b', 'color': [0, 0, 0], 'role': 'road'},
        ],
        teachers=[{'model': 'm.onnx', 'sources': [0, 'scenes'], 'map': {'road': ['a', 'b']}}],
        loss=['cross_entropy', {'name': 'dice', 'weight': 0.5}],
        rates={'features': 0.3},
        freeze=['downsample'],
        freeze_epochs=1,
    )
    assert parse_recipe(plain_recipe(recipe)) == recipe
    assert read_recipe(write_recipe(recipe, tmp_path / 'r.yaml')) == recipe


def test_classes_by_name():
    assert tiny_recipe(classes='lanes').classes == LANE_CLASSES
    assert [c.role for c in LANE_CLASSES][2] is Role.ROAD
    assert len(tiny_recipe(classes='cityscapes').classes) == 19
    assert plain_recipe(tiny_recipe(classes='lanes'))['classes'] == 'lanes'


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'foo': 1}, ['unknown', 'foo', 'learning_rate']),
        ({'train': [{'dataset': 'scenes', 'wieght': 2}]}, ['wieght', 'weight', 'train[0]']),
        ({'teachers': [{'path': 'x'}]}, ['model', 'teachers[0]']),
        ({'train': []}, ['train']),
        ({'train': 'scenes'}, ['train', 'a list']),
        ({'train': ['scenes']}, ['train[0]', 'a mapping']),
        ({'train': [{'dataset': 'scenes', 'weight': 0}]}, ['weight', 'above 0']),
        ({'train': [{'dataset': 'scenes', 'map': 'x'}]}, ['map']),
        ({'batch': 1}, ['batch', '2 to 4096']),
        ({'batch': 2.5}, ['batch', 'an integer']),
        ({'batch': True}, ['batch', 'an integer']),
        ({'epochs': 0}, ['epochs', '1 to']),
        ({'learning_rate': 'high'}, ['learning_rate', 'a number']),
        ({'learning_rate': float('nan')}, ['learning_rate', '1e-09 to 10']),
        ({'average': 1.0}, ['average']),
        ({'optimizer': 'lion'}, ['lion', 'adam, adamw, sgd']),
        ({'precision': '8'}, ['8', 'bf16-mixed']),
        ({'schedule': 'step'}, ['step', 'onecycle']),
        ({'channels_last': 'yes'}, ['channels_last', 'true or false']),
        ({'weights': None}, ['weights', 'a text']),
        ({'name': 'a/b'}, ['a/b', 'file name']),
        ({'name': ''}, ['name']),
        ({'name': 'a\nb'}, ['file name']),
        ({'name': 'x' * 201}, ['at most 200 bytes']),
        (
            {'train': [{'dataset': 'scenes', 'options': {1: 2}}]},
            ['train[0].options', 'key', 'a text'],
        ),
        ({'train': [{'dataset': 'scenes', 'options': {'part': 'x'}}]}, ['part', 'beside']),
        ({'frame_width': 128}, ['128x0', 'both']),
        ({'target_stride': 5}, ['target_stride', '64x48']),
        ({'rates': {'features': 0}}, ['rates', 'freeze']),
        ({'rates': 0.3}, ['rates', 'a mapping']),
        ({'freeze': ['features']}, ['freeze_epochs', 'both']),
        ({'freeze': 'features', 'freeze_epochs': 1}, ['freeze', 'a list']),
        ({'freeze': None}, ['freeze', 'a list']),
        ({'freeze': 3, 'freeze_epochs': 1}, ['freeze', 'a list']),
        ({'classes': 'bdd'}, ['bdd', 'bdd100k', 'lanes']),
        ({'classes': ['road']}, ['at least 2']),
        ({'classes': [{'name': 'a', 'colour': [0, 0, 0]}, {'name': 'b'}]}, ['colour', 'color']),
        ({'teachers': [{'model': 'm', 'sources': 'scenes'}]}, ['sources', 'a list']),
        ({'teachers': [{'model': 'm', 'sources': None}]}, ['sources', 'a list']),
        (
            {'teachers': [{'model': 'm', 'sources': [True]}]},
            ['sources', 'true at', 'an integer or a text'],
        ),
        ({'teachers': [{'model': 'm', 'everywhere': 'yes'}]}, ['everywhere', 'true or false']),
    ],
)
def test_refusals(changes, words):
    with pytest.raises(ParameterError) as error:
        parse_recipe(content(**changes))
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize('key', ['name', 'architecture', 'train', 'validation'])
def test_what_must_be_there(key):
    with pytest.raises(ParameterError, match=key):
        parse_recipe({k: v for k, v in content().items() if k != key})


def write(folder, **files):
    for name, text in files.items():
        (folder / f'{name}.yaml').write_text(text)
    return folder


BASE = (
    'name: base\narchitecture: unet\ntrain: [{dataset: scenes}]\nvalidation: [{dataset: scenes}]\n'
)


def test_a_recipe_takes_over_another_one(tmp_path):
    write(
        tmp_path,
        base=BASE + 'batch: 2\nepochs: 3\n',
        middle='extends: base.yaml\nepochs: 4\nloss: dice\n',
        top='extends: middle.yaml\nname: top\nloss: [focal]\n',
    )
    recipe = read_recipe(tmp_path / 'top.yaml')
    assert (recipe.name, recipe.batch, recipe.epochs, recipe.loss) == ('top', 2, 4, ['focal'])


def test_changes_on_the_command_line(tmp_path):
    path = write(tmp_path, base=BASE) / 'base.yaml'
    recipe = read_recipe(
        path,
        [
            'epochs=7',
            'learning_rate=1e-3',
            'loss=[cross_entropy, {name: dice, weight: 2}]',
            'augmentation.flip=0.5',
            'train.0.weight=3',
            'train.0.options.seeds=[0, 8]',
            'description=',
            'epochs=8',
        ],
    )
    assert (recipe.epochs, recipe.learning_rate, recipe.augmentation) == (8, 1e-3, {'flip': 0.5})
    assert recipe.loss[1] == {'name': 'dice', 'weight': 2}
    assert recipe.train[0] == Source('scenes', weight=3.0, options={'seeds': [0, 8]})


def test_a_change_leaves_what_shares_an_alias_alone(tmp_path):
    text = BASE.replace('{dataset: scenes}', '{dataset: scenes, map: &m {direct: direct}}', 1)
    text = text.replace('{dataset: scenes}]', '{dataset: scenes, map: *m}]')
    recipe = read_recipe(write(tmp_path, base=text) / 'base.yaml', ['train.0.map.direct=null'])
    assert recipe.train[0].map == {'direct': None}
    assert recipe.validation[0].map == {'direct': 'direct'}


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ('epochs', ['KEY=VALUE']),
        ('=3', ['KEY=VALUE']),
        ('epohcs=3', ['epohcs', 'epochs']),
        ('train.1.weight=3', ['1 entries', 'from 0']),
        ('train.x=3', ['1 entries']),
        ('epochs.more=3', ['epochs.more=3']),
        ('epochs=[', ['YAML']),
        ('train.²=3', ['1 entries']),
        ('train.0.options.day=2020-01-01', ['2020-01-01', 'quotes']),
    ],
)
def test_changes_that_are_none(tmp_path, change, words):
    path = write(tmp_path, base=BASE + 'epochs: 2\n') / 'base.yaml'
    with pytest.raises(ParameterError) as error:
        read_recipe(path, [change])
    for word in (*words, 'base.yaml'):
        assert word in str(error.value)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('a: [', ['YAML']),
        ('- a', ['key: value']),
        ('', ['key: value']),
        ('extends: nowhere\nname: a', ['nowhere', 'unet_bdd100k']),
        ('extends: 3\nname: a', ['extends']),
        ('extends: bad.yaml\nname: a', ['itself']),
        ('extends: broken.yaml\nname: a', ['broken.yaml', 'line 2']),
        (BASE + 'batch: 2\nbatch: 3\n', ['duplicate key "batch"', 'line 6']),
        (BASE + 'loss: {name: 2020-01-01}\n', ['2020-01-01', 'date', 'quotes']),
        (BASE + 'loss: &a {name: *a}\n', ['alias']),
    ],
)
def test_files_that_are_no_recipes(tmp_path, text, words):
    path = write(tmp_path, bad=text, broken='epochs: 2\n]') / 'bad.yaml'
    with pytest.raises(ParameterError) as error:
        read_recipe(path)
    for word in (*words, 'bad.yaml'):
        assert word in str(error.value)


def test_the_ready_recipes_can_be_read():
    seven = {
        'fcn_resnet50', 'fcn8s_vgg16', 'unet', 'pspnet_resnet50', 'deeplabv3plus_resnet50',
        'segformer_b3',
    }  # fmt: skip
    recipes = {name: read_recipe(name) for name in ready_recipes()}
    on_lanes = {r.architecture for n, r in recipes.items() if n.endswith('_bdd100k')}
    assert seven <= on_lanes
    reference = {f.name: f.default for f in dataclasses.fields(Recipe)}
    free = ('name', 'architecture', 'train', 'validation', 'held_out', 'weights', 'rates')
    for name, recipe in recipes.items():
        assert recipe.name == name
        if name.endswith('_bdd100k'):
            for key in reference.keys() - {*free, 'description', 'license'}:
                assert getattr(recipe, key) == reference[key], (name, key)
            assert [s.part for s in (*recipe.train, *recipe.validation, *recipe.held_out)] == [
                'training', 'validation', 'held out',
            ]  # fmt: skip


def test_no_recipe_of_that_name():
    with pytest.raises(ParameterError, match='smoke'):
        find_recipe('smok')
    with pytest.raises(ParameterError, match='no file'):
        find_recipe('nowhere/smoke.yaml')


def test_which_sources_a_teacher_is_asked_about():
    train = (Source('scenes'), Source('camvid'), Source('camvid'))
    assert asked(Teacher('m'), train) == [True, True, True]
    assert asked(Teacher('m', sources=('camvid',)), train) == [False, True, True]
    assert asked(Teacher('m', sources=(0, 2)), train) == [True, False, True]
    with pytest.raises(ParameterError, match='3'):
        asked(Teacher('m', sources=(3,)), train)
