# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The network that ships in config/models is what its card says. Needs no torch."""

from __future__ import annotations

import cv2
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from drivseg_ros.datasets.split import SPLIT_RULE, Part, part_of
from drivseg_ros.model_card import BDD100K_CLASSES
from drivseg_ros.model_file import read_model_file
from drivseg_ros.segmenter import Segmenter
from drivseg_ros.share import share_directory

PATH = share_directory() / 'config' / 'models' / 'fast_scnn_bdd100k.onnx'


def test_it_is_small():
    assert PATH.stat().st_size <= 5_000_000
    values = sum(numpy_helper.to_array(t).size for t in onnx.load(PATH).graph.initializer)
    assert values <= 2_000_000


def test_it_has_the_form_of_the_contract():
    file = read_model_file(PATH)
    model = onnx.load(PATH)
    onnx.checker.check_model(model, full_check=True)
    assert file.batch is None
    assert file.has_confidence
    assert [n.op_type for n in model.graph.node if 'image' in n.input] == ['Cast']
    assert (file.card.input_width, file.card.input_height) == (640, 360)
    assert file.card.classes == BDD100K_CLASSES


def test_its_card_says_what_it_is_and_how_good():
    card = read_model_file(PATH).card
    assert card.name == PATH.stem
    assert 'Fast-SCNN' in card.architecture
    assert 'non-commercial' in card.license
    assert card.provenance['split'].count(SPLIT_RULE) == 1
    assert {'data', 'recipe', 'seed', 'torch', 'hardware'} <= set(card.provenance)
    figures = card.provenance['figures']
    assert figures['bdd100k_held_out']['drivable_iou'] >= 0.75
    assert figures['scenes_held_out']['drivable_iou'] >= 0.85


def held_out(images):
    return sorted(p for p in images.iterdir() if part_of(p.stem) is Part.HELD_OUT)


def test_it_finds_the_road_on_frames_it_was_not_trained_on(shared_data):
    """Counted here without our confusion matrix and without our reader."""
    folder = shared_data / 'bdd100k_drivable'
    both = either = 0
    segmenter = Segmenter.open(PATH, engine='onnxruntime', device='cpu', threads=2)
    for path in held_out(folder / 'images'):
        image = cv2.imread(str(path))[..., ::-1]
        label = cv2.imread(str(folder / 'labels_by_lane' / f'{path.stem}.png'), -1)
        found = segmenter.segment([image])[0].class_ids < 2
        both += int((found & (label < 2)).sum())
        either += int(((found | (label < 2)) & (label != 255)).sum())
    segmenter.close()
    card = read_model_file(PATH).card
    assert both / either >= 0.75
    figures = card.provenance['figures']['bdd100k_held_out']
    assert both / either == pytest.approx(figures['drivable_iou'], abs=0.002)


def test_it_finds_the_road_of_rendered_scenes():
    """Some of the held-out scenes; the card has the figure of all."""
    from drivseg_ros.scenes import random_frame

    segmenter = Segmenter.open(PATH, engine='onnxruntime', device='cpu', threads=2)
    both = either = 0
    for seed in range(3_000_000, 3_000_040):
        frame = random_frame(seed, 640, 360)
        result = segmenter.segment([frame.image], confidence=True)[0]
        found = result.class_ids < 2
        both += int((found & (frame.class_ids < 2)).sum())
        either += int((found | (frame.class_ids < 2)).sum())
    segmenter.close()
    assert both / either >= 0.8
    assert result.confidence is not None
    assert result.confidence.min() >= 255 // 3 - 1, 'the winner of three has a third at least'
    assert np.unique(result.confidence).size > 10
