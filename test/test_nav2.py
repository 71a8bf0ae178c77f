# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""config/nav2 takes our outputs by their true names and types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from drivseg_ros.base.topics import output_topic
from drivseg_ros.model.store import DEFAULT_MODEL, find_model

FOLDER = Path(__file__).resolve().parents[1] / 'config' / 'nav2'
IMAGE = '/camera/image_raw'

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason='the tests run without a checkout')


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


def test_costmap() -> None:
    layers = read('costmap.yaml')['local_costmap']['local_costmap']['ros__parameters']
    assert all(name in layers for name in layers['plugins'])
    camera = layers['road'][layers['road']['observation_sources']]
    topics = {key: value for key, value in camera.items() if key.endswith('_topic')}
    assert topics == {
        'segmentation_topic': output_topic(IMAGE, 'points/mask'),
        'confidence_topic': output_topic(IMAGE, 'points/confidence'),
        'labels_topic': output_topic(IMAGE, 'label_info'),
        'pointcloud_topic': output_topic(IMAGE, 'points'),
    }
    taken = [name for kind in camera['class_types'] for name in camera[kind]['classes']]
    assert sorted(taken) == sorted(find_model(DEFAULT_MODEL).card.class_names)


def test_collision_monitor() -> None:
    monitor = read('collision_monitor.yaml')['collision_monitor']['ros__parameters']
    (source,) = monitor['observation_sources']
    assert monitor[source]['type'] == 'scan'
    assert monitor[source]['topic'] == output_topic(IMAGE, 'scan')
    for name in monitor['polygons']:
        assert len(yaml.safe_load(monitor[name]['points'])) == 4
