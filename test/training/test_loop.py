# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.errors import ParameterError  # noqa: E402
from drivseg_ros.models.fast_scnn import FastSCNN  # noqa: E402
from drivseg_ros.models.layers import ConvBN  # noqa: E402
from drivseg_ros.training.augmentation import Augmentation  # noqa: E402
from drivseg_ros.training.cache import CachedFrames  # noqa: E402
from drivseg_ros.training.loader import AugmentedFrames, batches  # noqa: E402
from drivseg_ros.training.loop import Trainer, learning_rate, update_average  # noqa: E402
from drivseg_ros.training.recipe import Recipe, Stage  # noqa: E402
from drivseg_ros.training.validation import DRIVABLE, validate  # noqa: E402

CALM = Augmentation(
    zoom_in=1.1, zoom_out=1, aspect=1, rotation=0, shift=0, flip=0, light=0.3, weather=0
)


def roads(count=4, *, width=128, height=64):
    """Grey roads of two lanes on green land: a line parts the ego lane from the other."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 40, (count, height, width, 3), dtype=np.uint8)
    targets = np.full((count, height, width), 2, np.uint8)
    images[..., 1] += 90
    for image, target in zip(images, targets, strict=True):
        middle, grey = int(rng.integers(50, 78)), int(rng.integers(60, 160))
        for row in range(24, height):
            half = row // 2
            image[row, middle - half : middle + half] = grey
            image[row, middle - 1 : middle + 1] = 255
            target[row, middle - half : middle] = 1
            target[row, middle : middle + half] = 0
    return CachedFrames(tuple(f'r{i}' for i in range(count)), images, targets)


def small(**changes):
    return Recipe((Stage(1, 128, 64, 4, CALM),), {'roads': 8}, **changes)


def test_sixty_steps_learn_four_roads(tmp_path):
    """From nothing to a drivable IoU of 0.85 on the frames that it was shown."""
    torch.manual_seed(0)
    recipe = Recipe((Stage(3, 128, 64, 8, CALM),), {'roads': 160}, average=0.5)
    assert recipe.steps == 60
    frames = roads()
    reports = []
    trainer = Trainer(
        FastSCNN(3, dropout=0.0), recipe, {'roads': frames}, folder=tmp_path, workers=0
    )
    before = validate(trainer.average, frames).iou_of(DRIVABLE)
    network = trainer.run(reports.append)
    matrix = validate(network, frames)
    assert before < 0.6
    assert matrix.iou_of(DRIVABLE) >= 0.85
    assert matrix.miou >= 0.8
    assert [r.epoch for r in reports] == [1, 2, 3]
    assert reports[-1].loss < reports[0].loss
    assert not network.training


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(tmp_path):
    recipe = Recipe((Stage(2, 128, 64, 4, CALM),), {'roads': 8}, seed=5)
    frames = {'roads': roads()}

    class StopError(Exception):
        pass

    def stop(report):
        raise StopError

    def trainer(folder):
        torch.manual_seed(0)
        return Trainer(
            FastSCNN(3, dropout=0.0), recipe, frames, folder=tmp_path / folder, workers=0
        )

    whole = trainer('whole').run(lambda report: None)
    with pytest.raises(StopError):
        trainer('parts').run(stop)
    resumed = trainer('parts')
    assert (resumed.epoch, resumed.step) == (1, 2)
    rest = []
    parts = resumed.run(rest.append)
    assert [r.epoch for r in rest] == [2]
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(parts.state_dict()[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ('classes', 'damage'),
    [
        pytest.param(4, lambda content: content, id='another network'),
        pytest.param(3, lambda content: content[:5000], id='cut'),
        pytest.param(3, lambda content: b'\x80\x04' + content, id='pickle'),
    ],
)
def test_a_state_that_does_not_fit_is_refused(tmp_path, classes, damage):
    frames = {'roads': roads()}
    Trainer(FastSCNN(3), small(), frames, folder=tmp_path, workers=0).run(lambda report: None)
    state = tmp_path / 'state.safetensors'
    state.write_bytes(damage(state.read_bytes()))
    with pytest.raises(ParameterError, match='is damaged or belongs to another network'):
        Trainer(FastSCNN(classes), small(), frames, folder=tmp_path, workers=0)


def test_a_source_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"draws from \['roads'\].*there are \['streets'\]"):
        Trainer(FastSCNN(3), small(), {'streets': roads()}, folder=tmp_path, workers=0).run(
            lambda report: None
        )


def epoch(number, *, samples, seed=1):
    sources = {'a': roads(3), 'b': roads(5)}
    return AugmentedFrames(
        sources, samples, Augmentation(), width=128, height=64, seed=seed, epoch=number
    )


def test_each_epoch_draws_as_the_recipe_says():
    frames = epoch(0, samples={'a': 7, 'b': 4})
    drawn = {name: [i for n, i in frames.order if n == name] for name in ('a', 'b')}
    assert [len(drawn['a']), len(drawn['b'])] == [7, 4]
    assert sorted(np.bincount(drawn['a'])) == [2, 2, 3], 'no frame twice before all were shown'
    assert max(np.bincount(drawn['b'])) == 1
    assert frames.order != epoch(1, samples={'a': 7, 'b': 4}).order


def test_batches_are_the_same_again_whoever_loads_them():
    samples = {'a': 5, 'b': 4}
    alone = list(batches(epoch(2, samples=samples), batch=4, workers=0))
    helped = list(batches(epoch(2, samples=samples), batch=4, workers=1))
    assert len(alone) == len(helped) == 2, 'the ninth frame would be a batch of one'
    for (images, targets), (same_images, same_targets) in zip(alone, helped, strict=True):
        assert images.shape == (4, 64, 128, 3)
        assert targets.shape == (4, 32, 64)
        assert torch.equal(images, same_images)
        assert torch.equal(targets, same_targets)


def test_learning_rate_rises_and_falls():
    recipe = Recipe((Stage(10, 64, 32, 2, CALM),), {'a': 20}, learning_rate=0.01, warm_up=0.2)
    rates = [learning_rate(recipe, step) for step in range(recipe.steps + 1)]
    peak = int(np.argmax(rates))
    assert peak == 20
    assert rates[peak] == pytest.approx(0.01)
    assert all(np.diff(rates[:peak]) >= 0)
    assert all(np.diff(rates[peak:]) <= 0)
    assert rates[60] == pytest.approx(0.005), 'half way down the cosine'
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_the_running_mean_is_a_mean():
    average, network = ConvBN(3, 4), ConvBN(3, 4)
    before = {n: v.clone() for n, v in average.state_dict().items()}
    network[1].num_batches_tracked.fill_(7)
    update_average(average, network, 0.75)
    for name, value in average.state_dict().items():
        new = network.state_dict()[name]
        if name.endswith('num_batches_tracked'):
            assert int(value) == 7
        else:
            torch.testing.assert_close(value, 0.75 * before[name] + 0.25 * new)
