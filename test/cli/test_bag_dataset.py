# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg bag from-dataset` and `drivseg bag to-images`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from dataset_folders import HEIGHT, WIDTH, picture, write_dataset_folder
from typer.testing import CliRunner

from drivseg_ros.bags import messages
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.cli.app import app
from drivseg_ros.errors import BagError, DataError, DrivsegError, ParameterError
from drivseg_ros.frames.folder import open_folder

IMAGE = 'sensor_msgs/msg/Image'
START_NS = 1_700_000_000_000_000_000


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_a_folder_there_and_back(tmp_path: Path) -> None:
    root, bag = write_dataset_folder(tmp_path / 'set'), tmp_path / 'bag'
    status, text = run('bag', 'from-dataset', 'folder', root, '-o', bag, '--rate', 20)
    assert status == 0
    for part in ('(set): 5 frames', '0.20 s', '/camera/name  5', '0 direct, 1 alternative, 2 back'):
        assert part in text
    status, text = run('bag', 'info', bag)
    assert 'folder (set)' in text
    assert '0 direct, 1 alternative, 2 background' in text
    status, text = run('bag', 'to-images', bag, '-o', tmp_path / 'out')
    assert (status, '5 images with labels' in text) == (0, True)
    ours, theirs = open_folder(root, ()), open_folder(tmp_path / 'out', ())
    assert (ours.names, ours.classes) == (theirs.names, theirs.classes)
    status, _ = run('dataset', 'check', 'folder', tmp_path / 'out')
    assert status == 0


def test_all_that_was_asked_for(tmp_path: Path) -> None:
    root, bag = write_dataset_folder(tmp_path / 'set'), tmp_path / 'bag'
    arguments = [
        'bag', 'from-dataset', 'folder:training', root, '-o', bag, '--option', 'seed=3',
        '--option', 'shares={training: 1.0}', '--limit', 2, '--size', '16x12', '--compressed',
        '--image-topic', '/front/image', '--frame-id', 'front', '--label-topic', '/truth',
        '--name-topic', '/called', '--start', '1600000000.25', '--storage', 'sqlite3',
    ]  # fmt: skip
    assert run(*arguments)[0] == 0
    assert run(*arguments, '--overwrite')[0] == 0
    assert (bag / 'bag_0.db3').is_file()
    with BagReader(bag) as reader:
        assert {t.name: t.count for t in reader.topics.values()} == {
            '/called': 2,
            '/front/image/compressed': 2,
            '/label_info': 1,
            '/truth': 2,
        }
        assert reader.start_ns == 1_600_000_000_250_000_000
        labels = [m.message for m in reader.messages(['/truth'])]
    assert {(m.width, m.height, m.header.frame_id) for m in labels} == {(16, 12, 'front')}
    facts = json.loads(run('bag', 'info', bag, '--json', '-')[1])
    told = json.loads(facts['custom_data']['drivseg.dataset'])
    assert (told['image_topic'], told['name_topic']) == ('/front/image/compressed', '/called')


def test_rendered_and_unlabelled_frames(tmp_path: Path) -> None:
    small = ['--option', 'width=64', '--option', 'height=48', '--limit', 2]
    status, text = run('bag', 'from-dataset', 'scenes:val', '-o', tmp_path / 'a', *small)
    assert (status, '/camera/label  2' in text) == (0, True)
    (tmp_path / 'in').mkdir()
    cv2.imwrite(str(tmp_path / 'in' / 'x.png'), picture(0))
    status, text = run('bag', 'from-dataset', 'unlabelled', tmp_path / 'in', '-o', tmp_path / 'b')
    assert (status, 'no labels' in text, 'label  ' in text) == (0, True, False)
    status, text = run('bag', 'to-images', tmp_path / 'b', '-o', tmp_path / 'out')
    assert (status, '1 images\n' in text) == (0, True)
    assert [f.name for f in (tmp_path / 'out').rglob('*.*')] == ['x.png']


def test_the_other_makers_write_either_storage_too(tmp_path: Path) -> None:
    (tmp_path / 'in').mkdir()
    cv2.imwrite(str(tmp_path / 'in' / 'x.png'), picture(0))
    for storage, suffix in (('mcap', '.mcap'), ('sqlite3', '.db3')):
        bag = tmp_path / storage
        status, _ = run('bag', 'from-images', tmp_path / 'in', '-o', bag, '--storage', storage)
        assert (status, (bag / f'{storage}_0{suffix}').is_file()) == (0, True)


def strange_bag(path: Path, *, frames: int = 4, broken: tuple[int, ...] = (1,)) -> Path:
    """A bag that tells nothing of its labels, some of whose images have an odd step."""
    with BagWriter(path) as writer:
        for topic in ('/image', '/label'):
            writer.add_topic(topic, IMAGE)
        for i in range(frames):
            stamp_ns = START_NS + i * 100_000_000
            image = messages.image(picture(i), encoding='bgr8', stamp_ns=stamp_ns, frame_id='c')
            ids = np.full((HEIGHT, WIDTH), i % 2, np.uint8)
            label = messages.image(ids, encoding='mono8', stamp_ns=stamp_ns, frame_id='c')
            image.step -= i in broken
            writer.write('/label', stamp_ns, label)
            writer.write('/image', stamp_ns, image)
    return path


@pytest.mark.parametrize(
    ('labels', 'names'),
    [
        (None, None),
        ('kitti_road', ['not_road', 'road']),
        ('classes.yaml', ['here', 'there']),
    ],
)
def test_a_bad_frame_costs_itself_and_the_exit_status(
    labels: str | None,
    names: list[str] | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path('classes.yaml').write_text('[here, there]')
    bag = strange_bag(tmp_path / 'bag')
    given = [] if labels is None else ['--labels', labels]
    topics = ['--image-topic', '/image', '--label-topic', '/label']
    status, text = run('bag', 'to-images', bag, '-o', tmp_path / 'out', *topics, *given)
    assert status == 1
    assert '1700000000_100000000: its image cannot be used' in text
    assert '3 images with labels; 1 could not be used' in text
    assert '3 images are named by their stamps' in text
    assert ('does not say what its labels mean' in text) == (labels is None)
    again = open_folder(tmp_path / 'out', (), classes=None if labels else ['a', 'b'])
    assert len(again) == 3
    assert names is None or [c.name for c in again.classes] == names


REFUSED: dict[str, tuple[Callable[[Path], list[Any]], type[DrivsegError], str]] = {
    'no part': (
        lambda path: ['from-dataset', 'kitti_road:', path, '-o', path / 'o'],
        ParameterError,
        "'kitti_road:' names no part; write kitti_road:validation, or kitti_road alone",
    ),
    'no kind': (
        lambda path: ['from-dataset', 'mnist', path, '-o', path / 'o'],
        ParameterError,
        "no data set of the kind 'mnist'; the kinds are bdd100k",
    ),
    'no root': (
        lambda path: ['from-dataset', 'kitti_road', '-o', path / 'o'],
        ParameterError,
        'give its root',
    ),
    'a size': (
        lambda path: ['from-dataset', 'scenes', '-o', path / 'o', '--size', '5'],
        ParameterError,
        "size '5' is not understood; write it like 1280x720",
    ),
    'an option': (
        lambda path: ['from-dataset', 'scenes', '-o', path / 'o', '--option', 'x'],
        ParameterError,
        "--option 'x' is not NAME=VALUE",
    ),
    'labels': (
        lambda path: ['to-images', path, '-o', path / 'o', '--labels', 'kitti'],
        ParameterError,
        "'kitti', which is no label map .* and no model",
    ),
    'no bag': (
        lambda path: ['to-images', path / 'b', '-o', path / 'o'],
        BagError,
        'there is no bag',
    ),
    'nothing that can be used': (
        lambda path: [
            'to-images', strange_bag(path / 'b', frames=2, broken=(0, 1)),
            '-o', path / 'o', '--image-topic', '/image',
        ],
        DataError,
        'none of the 2 frames of .* could be used; see above',
    ),
}  # fmt: skip


@pytest.mark.parametrize('name', REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    arguments, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        run('bag', *arguments(tmp_path))
    assert not (tmp_path / 'o').exists()


def test_an_interrupt_leaves_whole_frames(tmp_path: Path) -> None:
    bag = strange_bag(tmp_path / 'bag', frames=2500, broken=())
    out = tmp_path / 'out'
    process = subprocess.Popen(
        [
            sys.executable, '-m', 'drivseg_ros.cli', 'bag', 'to-images', str(bag), '-o', str(out),
            '--image-topic', '/image', '--label-topic', '/label',
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (out / 'images').is_dir() or len(list((out / 'images').iterdir())) < 10:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    _, text = process.communicate(timeout=30)
    assert process.returncode == 143
    assert 'Traceback' not in text
    images = sorted(f.name for f in (out / 'images').iterdir())
    assert images == sorted(f.name for f in (out / 'labels').iterdir())
    assert 10 <= len(images) < 2500
    assert f'holds the first {len(images)} frames' in text.replace('\n', ' ')
