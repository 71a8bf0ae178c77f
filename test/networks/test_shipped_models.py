# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The networks that ship in config/models are what their cards say. Needs no torch."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from shared_split import RULE, part_of

from drivseg_ros.base.share import share_directory
from drivseg_ros.frames.split import Part
from drivseg_ros.model.card import BDD100K_CLASSES, Role
from drivseg_ros.model.file import read_model_file
from drivseg_ros.model.store import DEFAULT_MODEL
from drivseg_ros.segmenter import Segmenter

ROOT = Path(__file__).resolve().parents[2]
FOLDER = share_directory() / 'config' / 'models'
LIGHT_MODEL = 'fast_scnn_bdd100k'
DRIVABLE_IOU = {DEFAULT_MODEL: 0.78, LIGHT_MODEL: 0.75}
BDD100K = 'bdd100k_drivable (held_out)'


@pytest.fixture(params=[DEFAULT_MODEL, LIGHT_MODEL])
def name(request):
    return request.param


def path_of(name):
    return FOLDER / f'{name}.onnx'


def card_of(name):
    return read_model_file(path_of(name)).card


def test_it_is_small(name):
    assert path_of(name).stat().st_size <= 7_000_000
    values = sum(numpy_helper.to_array(t).size for t in onnx.load(path_of(name)).graph.initializer)
    assert values <= 2_000_000


def test_it_has_the_form_of_the_contract(name):
    file = read_model_file(path_of(name))
    model = onnx.load(path_of(name))
    onnx.checker.check_model(model, full_check=True)
    assert file.batch is None
    assert file.has_confidence
    assert [n.op_type for n in model.graph.node if 'image' in n.input] == ['Cast']
    assert (file.card.input_width, file.card.input_height) == (640, 360)
    assert file.card.name == name
    assert 'non-commercial' in file.card.license


def test_what_they_tell_apart():
    assert card_of(LIGHT_MODEL).classes == BDD100K_CLASSES
    assert [(c.name, c.role) for c in card_of(DEFAULT_MODEL).classes] == [
        ('direct', Role.DIRECT),
        ('alternative', Role.ALTERNATIVE),
        ('other_road', Role.ROAD),
        ('background', Role.NONE),
    ]


def test_cards_say_how_good_they_are():
    light = card_of(LIGHT_MODEL).provenance
    assert light['split'].count(RULE) == 1
    assert {'data', 'recipe', 'seed', 'torch', 'hardware'} <= set(light)
    assert light['figures']['bdd100k_held_out']['drivable_iou'] >= DRIVABLE_IOU[LIGHT_MODEL]
    assert light['figures']['scenes_held_out']['drivable_iou'] >= 0.85
    told = card_of(DEFAULT_MODEL).provenance
    assert {'data', 'recipe', 'teachers', 'weights', 'seed', 'versions', 'hardware'} <= set(told)
    mine, others = told['figures'], told['others_on_the_same_frames']
    assert (
        mine['frames']['shared_bdd100k (held_out)']['drivable_iou'] >= DRIVABLE_IOU[DEFAULT_MODEL]
    )
    assert mine['frames']['shared_kitti (held_out)']['road_iou'] >= 0.85
    assert mine['frames']['shared_camvid (validation)']['road_iou'] >= 0.94
    assert set(mine['frames']['shared_bdd100k (held_out)']['iou_by_class']) == {
        'direct',
        'alternative',
        'background',
    }
    assert len(others) >= 4
    for theirs in others.values():
        assert set(theirs['frames']) == set(mine['frames'])
        assert set(theirs['network_ms']) == set(mine['network_ms'])


def test_cards_name_no_folder_of_the_machine_they_were_made_on(name):
    text = card_of(name).to_json()
    assert '/home' not in text
    assert not re.search(r'"/|~/', text)


def held_out(images):
    return sorted(p for p in images.iterdir() if part_of(p.stem) is Part.HELD_OUT)


def test_it_finds_the_road_on_frames_it_was_not_trained_on(name, shared_data):
    """Counted here without our confusion matrix and without our reader."""
    folder = shared_data / 'bdd100k_drivable'
    both = either = 0
    with Segmenter.open(path_of(name), engine='onnxruntime', device='cpu', threads=2) as segmenter:
        for path in held_out(folder / 'images'):
            image = cv2.imread(str(path))[..., ::-1]
            label = cv2.imread(str(folder / 'labels_by_lane' / f'{path.stem}.png'), -1)
            found = segmenter.segment([image])[0].class_ids < 2
            both += int((found & (label < 2)).sum())
            either += int(((found | (label < 2)) & (label != 255)).sum())
    assert both / either >= DRIVABLE_IOU[name]
    report = json.loads((ROOT / 'docs' / 'default_network.json').read_text())
    (measured,) = (row['accuracy'][BDD100K] for row in report['rows'] if row['title'] == name)
    assert both / either == pytest.approx(measured['by_role']['drivable'], abs=0.002)


def test_it_finds_the_road_of_rendered_scenes(name):
    """Some of the held-out scenes."""
    from drivseg_ros.scenes import random_frame

    both = either = 0
    with Segmenter.open(path_of(name), engine='onnxruntime', device='cpu', threads=2) as segmenter:
        for seed in range(3_000_000, 3_000_040):
            frame = random_frame(seed, 640, 360)
            result = segmenter.segment([frame.image], confidence=True)[0]
            found = result.class_ids < 2
            both += int((found & (frame.class_ids < 2)).sum())
            either += int((found | (frame.class_ids < 2)).sum())
    assert both / either >= 0.8
    assert result.confidence is not None
    least = 255 // card_of(name).num_classes - 1
    assert result.confidence.min() >= least, 'the winner of N has 1 / N at least'
    assert np.unique(result.confidence).size > 10
