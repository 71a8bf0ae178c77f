# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""scripts/arrange_road_data, on a small folder of the shared data's form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from drivseg_ros.frames.registry import open_dataset

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / 'scripts' / 'arrange_road_data'
DRIVES = [f'{i:08x}' for i in range(150)]


def run(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def shared(write):
    """Frames of 40 x 30 with a lane in the middle and a bonnet below it."""
    lanes = np.full((30, 40), 2)
    lanes[15:28, 10:30] = 0
    frames = {
        'bdd100k_drivable/images': [f'{d}-0000000{i}' for d in DRIVES for i in (1, 2)],
        'bdd100k_lanes/images': [f'{d}-00000003' for d in DRIVES],
        'kitti_road/images': [f'um_{i:06d}' for i in range(100)],
        'camvid/train/images': ['a'],
        'camvid/val/images': ['b'],
        'cityscapes256/train/images': ['1'],
        'cityscapes256/val/images': ['1'],
        'frames/images': ['f'],
    }
    lane_folders = ('bdd100k_drivable', 'frames')
    for folder, names in frames.items():
        top = folder.split('/', 1)[0]
        labels = folder.replace('images', 'labels_by_lane' if top in lane_folders else 'labels')
        for name in names:
            write.image(f'{folder}/{name}.jpg', size=(40, 30))
            write.ids(f'{labels}/{name}.png', lanes if top != 'kitti_road' else lanes == 0)
    write.image('drives/town/0.jpg')
    return write.root


def test_folders_that_the_kind_folder_reads(shared, tmp_path):
    output = tmp_path / 'out'
    for _ in range(2):  # again over what is there
        done = run(shared, output)
        assert done.returncode == 0, done.stderr
    assert f'{output / "bdd100k"}: 450 frames' in done.stdout
    parts = {}
    for part in ('training', 'validation', 'test'):
        found = open_dataset('folder', output / 'bdd100k', part=part)
        parts[part] = {name[:8] for name in found.names}
        assert len(found) == 3 * len(parts[part]), 'all frames of a drive are in one part'
    assert len(parts['training']) > 100
    assert set(DRIVES) == set.union(*parts.values())
    assert sum(len(drives) for drives in parts.values()) == len(DRIVES)
    vehicle = open_dataset(
        *('folder', output / 'bdd100k'), part='training', labels='labels_with_vehicle',
        classes=['direct', 'alternative', 'background', 'ego_vehicle'],
    )  # fmt: skip
    assert (vehicle[0].label[29, 10:30] == 3).all()
    assert len(open_dataset('folder', output / 'kitti_road', part='training')) == 80
    for name in ('camvid', 'cityscapes'):
        assert len(open_dataset('folder', output / name, part='validation')) == 1
    assert open_dataset('folder', output / 'cityscapes')[0].label.shape == (256, 512)
    assert (output / 'frames/images/f.jpg').is_symlink()
    assert (output / 'drives/town/0.jpg').is_file()


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        (lambda root: [], 'usage: arrange_road_data SHARED_DATA OUTPUT'),
        (lambda root: [root / 'camvid', root / 'out'], 'holds no bdd100k_lanes/images'),
        (lambda root: [root, ROOT / 'data'], 'lies in the project, where no footage belongs'),
    ],
    ids=['nothing', 'another folder', 'into the project'],
)
def test_what_it_refuses(shared, arguments, told):
    done = run(*arguments(shared))
    assert done.returncode == 1
    assert told in done.stderr
    assert not (ROOT / 'data').exists()
