# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whole runs, tiny ones: what they write, what they refuse, and what comes of every option."""

from __future__ import annotations

import hashlib
import shutil

import cv2
import numpy as np
import pytest
from tiny_model import write_tiny_model
from tiny_recipes import scenes, tiny_recipe

torch = pytest.importorskip('torch', reason='training needs torch')
for library in ('lightning', 'matplotlib'):
    pytest.importorskip(library, reason=f'training needs {library}')
onnx = pytest.importorskip('onnx', reason='the export needs onnx')

from safetensors.torch import load_file  # noqa: E402

from drivseg_ros.errors import DataError, DrivsegError, ParameterError, TrainingError  # noqa: E402
from drivseg_ros.lab.exporting.export import export_onnx  # noqa: E402
from drivseg_ros.lab.training.recipe_file import (  # noqa: E402
    parse_recipe,
    plain_recipe,
    read_recipe,
)
from drivseg_ros.lab.training.run import train as train_anywhere  # noqa: E402
from drivseg_ros.lab.training.run_folder import RunFolder  # noqa: E402
from drivseg_ros.networks.checkpoint import load_checkpoint  # noqa: E402
from drivseg_ros.networks.registry import create_network  # noqa: E402
from drivseg_ros.segmenter import Segmenter  # noqa: E402

OPTIONS_OF_ALL = {'device': 'cpu', 'threads': 1}


@pytest.fixture(autouse=True, scope='module')
def frames_are_rendered_once(tmp_path_factory):
    OPTIONS_OF_ALL['cache'] = tmp_path_factory.mktemp('cache')


def train(recipe, folder, **options):
    return train_anywhere(recipe, folder, **{**OPTIONS_OF_ALL, **options})


class Listener:
    def __init__(self):
        self.lines, self.steps, self.rows = [], [], []

    def say(self, text):
        self.lines.append(text)

    def step(self, epoch, step, steps):
        self.steps.append((epoch, step, steps))

    def epoch(self, row, best):
        self.rows.append((dict(row), best))


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """One run that several tests look at."""
    folder = tmp_path_factory.mktemp('run') / 'tiny'
    listener = Listener()
    recipe = tiny_recipe(
        average=0.9,
        description='A test.',
        train=[scenes(0, 14), scenes(20, 24, weight=0.5, map={'role:none': ['background']}
               | {n: ['direct', 'alternative'] for n in ('direct', 'alternative')})],
    )  # fmt: skip
    return recipe, folder, train(recipe, folder, reporter=listener), listener


def test_a_run_tells_what_it_does(run):
    _, _, _, listener = run
    assert listener.lines[0].startswith('train: scenes: 14 frames (14 of 64x48); direct ')
    assert 'direct is direct or alternative' in listener.lines[1]
    assert listener.steps == [(e, s, 4) for e in (1, 2) for s in (1, 2, 3, 4)]
    assert listener.rows[0][1], 'the first epoch is the best so far'


def test_a_run_leaves_these_files(run):
    recipe, folder, result, listener = run
    files = RunFolder(folder)
    assert read_recipe(files.recipe) == recipe
    assert files.data.read_text().splitlines() == listener.lines
    rows = files.rows()
    assert rows == [row for row, _ in listener.rows]
    assert result.metrics == min(rows, key=lambda row: row['dice_loss'])
    for picture in (files.curves, files.samples):
        assert cv2.imread(str(picture)).std() > 10
    samples = cv2.imread(str(files.samples))
    assert samples.shape == (5 * (360 + 4) - 4, 3 * (480 + 4) - 4, 3)
    assert not [p.name for p in folder.iterdir() if 'partial' in p.name]


def test_the_card_says_where_the_network_is_from(run):
    recipe, _, result, _ = run
    network, card = load_checkpoint(result.best)
    assert (card.name, card.classes, card.description) == ('tiny', recipe.classes, 'A test.')
    assert (card.input_width, card.input_height, card.architecture) == (64, 48, 'fast_scnn')
    told = card.provenance
    assert told['recipe'] == plain_recipe(recipe)
    assert [d['frames'] for d in told['data']['train']] == [14, 4]
    assert {'weights', 'seed', 'parameters', 'hardware', 'versions', 'device'} <= set(told)
    assert told['validation']['dice_loss'] == pytest.approx(result.metrics['dice_loss'], abs=1e-5)
    assert told['epoch'] == f'{result.metrics["epoch"]:.0f} of 2'
    assert not network.training


def test_the_exported_network_is_as_good_as_the_run_said(run, tmp_path):
    """The metrics of the run, from the model file, by Segmenter, counted here."""
    _, _, result, _ = run
    network, card = load_checkpoint(result.best)
    path = export_onnx(network, tmp_path / 'm.onnx', card)
    from drivseg_ros.scenes import random_frame

    both, either = np.zeros(3), np.zeros(3)
    segmenter = Segmenter.open(path, engine='onnxruntime', device='cpu', threads=1)
    for seed in range(100, 105):
        frame = random_frame(seed, 64, 48)
        ids = segmenter.segment([frame.image])[0].class_ids
        for c in range(3):
            both[c] += ((ids == c) & (frame.class_ids == c)).sum()
            either[c] += ((ids == c) | (frame.class_ids == c)).sum()
    segmenter.close()
    wanted = [result.metrics[f'iou_{c.name}'] for c in card.classes]
    assert both / either == pytest.approx(wanted, abs=2e-3)


def test_a_second_run_wants_another_folder_or_resume(run, tmp_path):
    recipe, folder, result, _ = run
    with pytest.raises(ParameterError, match='--resume'):
        train(recipe, folder)
    before = result.last.read_bytes()
    assert train(recipe, folder, resume=True) == result
    assert result.last.read_bytes() == before, 'nothing was left to do'
    with pytest.raises(ParameterError, match='no run in'):
        train(recipe, tmp_path, resume=True)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'batch': 2}, ['batch 4', 'now it is 2']),
        ({'loss': 'dice', 'epochs': 9}, ['epochs', 'loss']),
        ({'validation': [scenes(100, 104)]}, ['validation']),
    ],
)
def test_a_run_goes_on_with_its_own_recipe_only(run, changes, words):
    recipe, folder, _, _ = run
    with pytest.raises(ParameterError) as error:
        train(parse_recipe({**plain_recipe(recipe), **changes}), folder, resume=True)
    for word in (*words, 'recipe.yaml'):
        assert word in str(error.value)


def test_two_runs_cannot_write_to_one_folder(tmp_path):
    with (
        RunFolder(tmp_path).locked(),
        pytest.raises(TrainingError, match='another run'),
    ):
        train(tiny_recipe(), tmp_path)


# What a recipe says of the network's own working, each with something that must come of it.
OPTIONS = {
    'bf16': {'precision': 'bf16-mixed', 'channels_last': True},
    'adamw': {'optimizer': 'adamw', 'weight_decay': 0.05, 'clip': 1.0, 'schedule': 'constant'},
    'sgd': {'optimizer': 'sgd', 'accumulate': 2, 'learning_rate': 1e-2},
    'balanced': {'loss': [{'name': 'weighted_cross_entropy', 'weights': 'balanced'}, 'dice']},
    'views': {'augmentation': 'road', 'frame_width': 128, 'frame_height': 96, 'target_stride': 2},
}


@pytest.mark.parametrize('name', OPTIONS)
def test_options_learn(name, tmp_path):
    if name == 'views':
        pytest.importorskip('torchvision', reason='augmentation needs torchvision')
    recipe = tiny_recipe(epochs=1, limit_batches=3, samples=12, **OPTIONS[name])
    listener = Listener()
    result = train(recipe, tmp_path, reporter=listener)
    row, _ = listener.rows[0]
    assert len(listener.steps) == 3
    assert row['step'] == (2 if name == 'sgd' else 3), 'a part of an accumulation is a step as well'
    torch.manual_seed(recipe.seed)
    first = create_network('fast_scnn', num_classes=3).state_dict()
    last = load_file(result.last)
    assert all(torch.isfinite(v).all() for v in last.values() if v.is_floating_point())
    kernels = [k for k, v in first.items() if v.ndim > 1]
    assert all(not torch.equal(first[k], last[k]) for k in kernels)


def test_parts_are_frozen_and_learn_slower(tmp_path):
    recipe = tiny_recipe(
        epochs=1,
        freeze=['downsample'],
        freeze_epochs=1,
        rates={'features': 1e-4},
        optimizer='sgd',
        schedule='constant',
    )
    last = load_file(train(recipe, tmp_path).last)
    torch.manual_seed(recipe.seed)
    first = create_network('fast_scnn', num_classes=3).state_dict()
    moved = {
        part: max(
            float((first[k].double() - last[k].double()).abs().max())
            for k in first
            if k.startswith(part) and 'running' not in k and not k.endswith('tracked')
        )
        for part in ('downsample', 'features', 'classifier')
    }
    assert moved['downsample'] == 0
    assert 0 < moved['features'] < 1e-2 * moved['classifier']
    assert all(torch.equal(first[k], last[k]) for k in first if k.startswith('downsample'))


def test_a_run_begins_with_a_checkpoint_at_another_size(run, tmp_path, monkeypatch):
    _, _, result, _ = run
    monkeypatch.setenv('HOME', str(tmp_path))
    shutil.copy(result.best, tmp_path / 'small.safetensors')
    recipe = tiny_recipe(
        weights='~/small.safetensors', width=96, height=64, epochs=1, learning_rate=1e-9
    )
    last = train(recipe, tmp_path / 'run').last
    _, card = load_checkpoint(last)
    assert (card.input_width, card.input_height) == (96, 64)
    before, after = load_file(result.best), load_file(last)
    weights = [k for k, v in before.items() if v.ndim > 1]
    assert all(torch.allclose(before[k], after[k], atol=1e-6) for k in weights)
    told = card.provenance
    assert str(tmp_path.parent) not in str(told), 'a card tells nothing of the folders'
    assert told['weights']['source'].startswith('small.safetensors (')
    assert told['recipe']['weights'] == 'small.safetensors'


def test_a_teacher_is_learned_from(tmp_path):
    teacher = write_tiny_model(tmp_path / 'teacher.onnx')
    told = {'model': str(teacher), 'weight': 5, 'sources': [1]}
    train_sets = [scenes(0, 8), scenes(6, 14, map={'*': None})]
    plain = train(tiny_recipe(epochs=1, train=train_sets), tmp_path / 'plain')
    taught = train(
        tiny_recipe(epochs=1, train=train_sets, teachers=[told, told]), tmp_path / 'taught'
    )
    assert taught.metrics['train_loss'] > plain.metrics['train_loss'] + 0.1
    provenance = load_checkpoint(taught.last)[1].provenance
    digest = hashlib.sha256(teacher.read_bytes()).hexdigest()
    assert provenance['teachers'] == 2 * [{'model': 'tiny', 'sha256': digest}]
    assert provenance['recipe']['teachers'][0]['model'] == 'teacher.onnx'


def test_a_teacher_may_be_heard_where_labels_tell_all(tmp_path):
    teacher = write_tiny_model(tmp_path / 'teacher.onnx')
    losses = []
    for everywhere in (False, True):
        told = {'model': str(teacher), 'weight': 5, 'everywhere': everywhere}
        recipe = tiny_recipe(epochs=1, train=[scenes(0, 8)], teachers=[told])
        losses.append(train(recipe, tmp_path / str(everywhere)).metrics['train_loss'])
    plain = train(tiny_recipe(epochs=1, train=[scenes(0, 8)]), tmp_path / 'plain')
    assert losses[0] == pytest.approx(plain.metrics['train_loss'])
    assert losses[1] > losses[0] + 0.1


def test_a_run_that_is_tried_out_looks_at_every_validation_set(tmp_path):
    sets = [scenes(0, 14), scenes(100, 103)]
    result = train(tiny_recipe(epochs=1, limit_batches=1, validation=sets), tmp_path)
    losses = [result.metrics[f'{name}/dice_loss'] for name in ('scenes', 'scenes 2')]
    assert result.metrics['dice_loss'] == pytest.approx(np.mean(losses))


def test_a_cache_changes_nothing(tmp_path):
    options = {'frame_width': 32, 'frame_height': 24}
    plain = train(tiny_recipe(epochs=1, **options), tmp_path / 'plain', cache=None)
    cached = train(tiny_recipe(epochs=1, **options), tmp_path / 'cached', cache=tmp_path / 'c')
    one, other = load_file(plain.last), load_file(cached.last)
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[key]) for key, value in one.items())
    assert list((tmp_path / 'c').iterdir())


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    recipe = tiny_recipe(optimizer='sgd', learning_rate=10.0, schedule='constant', epochs=30)
    with pytest.raises(TrainingError, match=r'epoch \d+') as error:
        train(recipe, tmp_path)
    assert 'learning_rate' in str(error.value)
    files = RunFolder(tmp_path)
    for row in files.rows():
        assert np.isfinite(row['dice_loss'])
    if files.last.exists():
        tensors = load_file(files.last).values()
        assert all(torch.isfinite(v).all() for v in tensors if v.is_floating_point())


def stray_labels(folder):
    for name, value in (('images', 90), ('labels', 7)):
        (folder / name).mkdir(parents=True)
        for i in range(8):
            shape = (48, 64, 3) if name == 'images' else (48, 64)
            picture = np.full(shape, value if i == 5 else value % 3, np.uint8)
            cv2.imwrite(str(folder / name / f'{i}.png'), picture)
    return {'dataset': 'folder', 'root': str(folder), 'options': {'classes': 'bdd100k'}}


@pytest.mark.parametrize(
    ('changes', 'options', 'kind', 'words'),
    [
        ({'train': 'stray'}, {}, DataError, ['5', '7', 'cannot be trained with']),
        ({'train': [{'dataset': 'nothing'}]}, {}, ParameterError, ['nothing', 'scenes']),
        ({'train': [scenes(0, 14, map={'road': 'direct'})]}, {}, ParameterError, ['road']),
        ({'train': [{'dataset': 'bdd100k', 'root': '${data}/x'}]}, {}, ParameterError,
         ['--data-folder', 'DRIVSEG_DATA']),
        ({'batch': 15}, {}, ParameterError, ['14 frames', '15']),
        ({'architecture': 'unett'}, {}, DrivsegError, ['unett', 'unet']),
        ({'weights': 'nowhere.safetensors'}, {}, DrivsegError, ['nowhere.safetensors']),
        ({'loss': 'dise'}, {}, ParameterError, ['dise', 'dice']),
        ({'loss': {'name': 'weighted_cross_entropy', 'weights': [1, 2]}}, {}, ParameterError,
         ['2 class weights', '3 classes']),
        ({'train': [scenes(0, 14, map={'*': None})]}, {}, DataError, ['nothing under train']),
        ({'validation': [scenes(0, 5), scenes(100, 105, map={'*': ['direct', 'alternative']})]},
         {}, DataError, ['validation', 'no label of one certain class']),
        ({'augmentation': {'flop': 1}}, {}, ParameterError, ['flop']),
        ({'freeze': ['stem'], 'freeze_epochs': 1}, {}, ParameterError, ['stem', 'downsample']),
        ({'rates': {'stem': 0.1}}, {}, ParameterError, ['stem', 'downsample']),
        ({'teachers': [{'model': 'no.onnx'}]}, {}, DrivsegError, ['no.onnx']),
        ({'precision': '16-mixed'}, {}, ParameterError, ['16-mixed', 'bf16-mixed']),
        ({}, {'device': 'cuda:99'}, DrivsegError, ['cuda:99']),
        ({}, {'device': 'tpu'}, DrivsegError, ['tpu']),
        ({}, {'devices': 0}, ParameterError, ['0 devices']),
        ({}, {'workers': -1}, ParameterError, ['-1']),
    ],
)  # fmt: skip
def test_refusals_before_the_work(changes, options, kind, words, tmp_path, monkeypatch):
    monkeypatch.delenv('DRIVSEG_DATA', raising=False)
    if changes.get('train') == 'stray':
        changes = {'train': [stray_labels(tmp_path / 'set')]}
    with pytest.raises(kind) as error:
        train(tiny_recipe(**changes), tmp_path / 'run', **options)
    for word in words:
        assert word in str(error.value)
    assert not (tmp_path / 'run' / 'run.json').exists(), 'nothing to resume is left behind'
