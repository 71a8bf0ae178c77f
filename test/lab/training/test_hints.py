# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Teachers are asked once, about the sources that are named."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_model import write_tiny_model
from tiny_recipes import scenes, tiny_recipe

pytest.importorskip('torch', reason='training needs torch')
pytest.importorskip('lightning', reason='training needs lightning')

from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.lab.training.data_module import RoadData
from drivseg_ros.lab.training.sources import open_data


@pytest.fixture
def data(tmp_path):
    models = [
        write_tiny_model(tmp_path / f'{name}.onnx', name=name, width=64, height=48)
        for name in ('one', 'two')
    ]
    recipe = tiny_recipe(
        train=[scenes(0, 4), scenes(10, 13)],
        teachers=[
            {'model': str(models[0]), 'sources': [1]},
            {
                'model': str(models[1]),
                'map': {
                    'direct': ['direct', 'alternative'],
                    'alternative': None,
                    'background': 'background',
                },
            },
        ],
    )
    made = RoadData(recipe, open_data(recipe), cache=tmp_path / 'cache')
    made.setup('fit')
    return made, tmp_path


def strongest(image):
    """What the tiny model says: the strongest colour, and how strong it is."""
    return image.argmax(2).astype(np.uint8), image.max(2)


def test_answers_by_teacher_in_codes_of_the_network(data):
    made, _ = data
    either = made.run.sets.code([0, 1])
    table = np.array([either, 255, 2], np.uint8)
    for source, seeds in enumerate((range(4), range(10, 13))):
        frames = open_dataset('scenes', seeds=[seeds.start, seeds.stop], width=64, height=48)
        for index in range(len(seeds)):
            image, planes = made._train[source].read(index)
            ids, confidence = strongest(frames[index].image)
            assert np.array_equal(image, frames[index].image)
            assert np.array_equal(planes[0], frames[index].label)
            if source == 0:
                assert (planes[1] == 255).all()
                assert not planes[2].any()
            else:
                assert np.array_equal(planes[1], ids)
                assert np.abs(planes[2].astype(int) - confidence).max() <= 1
            assert np.array_equal(planes[3], table[ids])
            assert np.abs(planes[4].astype(int) - confidence).max() <= 1


def test_they_are_asked_once(data):
    made, folder = data
    before = {p: p.stat().st_mtime_ns for p in (folder / 'cache').rglob('*.npy')}
    assert len(before) == 2
    made.setup('fit')
    assert {p: p.stat().st_mtime_ns for p in (folder / 'cache').rglob('*.npy')} == before


def test_a_batch_has_all_of_them(data):
    made, _ = data
    batch = next(iter(made.train_dataloader()))
    assert batch['image'].shape == (4, 48, 64, 3)
    assert batch['target'].shape == (4, 48, 64)
    assert batch['hint_codes'].shape == batch['hint_confidence'].shape == (4, 2, 48, 64)
