# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from drivseg_ros.training import default_model
from drivseg_ros.training.default_card import default_card, training_provenance

SCRIPT = Path(__file__).resolve().parents[2] / 'scripts' / 'train_default_model'


def test_the_last_stage_has_the_networks_size():
    last = default_model.RECIPE.stages[-1]
    assert (last.width, last.height) == (default_model.WIDTH, default_model.HEIGHT) == (640, 360)


def test_no_scene_is_both_trained_on_and_measured():
    assert not set(default_model.TRAINING_SCENES) & set(default_model.HELD_OUT_SCENES)
    frames = list(default_model.scenes(range(2)))
    assert [name for name, _, _ in frames] == ['scene 0', 'scene 1']
    for _, image, target in frames:
        assert image.shape == (360, 640, 3)
        assert image.dtype == target.dtype == np.uint8
        assert set(np.unique(target)) <= {0, 1, 2}


def test_a_card_with_the_recipe_survives_json():
    card = default_card(training_provenance(seed=1, figures={'miou': 0.5}))
    again = type(card).from_json(card.to_json())
    assert again.classes == card.classes
    assert again.provenance['recipe']['stages'][-1]['width'] == 640
    assert again.provenance['figures'] == {'miou': 0.5}


def test_the_script_explains_itself():
    result = subprocess.run(
        [sys.executable, str(SCRIPT), '--help'], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    for option in ('--data', '--folder', '--output', '--checkpoint', '--threads', '--device'):
        assert option in result.stdout


def test_the_script_names_what_is_missing(tmp_path):
    result = subprocess.run(
        [sys.executable, str(SCRIPT), '--data', str(tmp_path), '--folder', str(tmp_path / 'f')],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert 'error:' in result.stdout
    assert 'Traceback' not in result.stdout + result.stderr
