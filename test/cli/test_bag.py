# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg bag`, as a process of its own where signals matter."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from bag_files import samples, write_rosbag2
from command_line import COMMAND, drivseg
from typer.testing import CliRunner

from drivseg_ros.bags.reader import BagReader
from drivseg_ros.cli.app import app


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def pictures(folder: Path, count: int, *, height: int = 36, width: int = 64) -> Path:
    folder.mkdir()
    for i in range(count):
        image = np.full((height, width, 3), i % 256, np.uint8)
        assert cv2.imwrite(str(folder / f'{i}.jpg'), image)
    return folder


def test_info_tells_what_is_in_a_bag(tmp_path: Path) -> None:
    bag = write_rosbag2(tmp_path / 'bag', samples(5))
    status, text = run('bag', 'info', bag)
    assert status == 0
    for part in ('/cam/image_raw', 'sensor_msgs/msg/Image  5 messages', '16x12 rgb8', '/note'):
        assert part in text
    status, text = run('bag', 'info', bag, '--json', '-')
    facts = json.loads(text)
    assert (facts['messages'], facts['storage'], facts['unfinished']) == (7, 'rosbag2', '')
    assert [t['name'] for t in facts['topics']] == ['/cam/image_raw', '/note']
    assert facts['topics'][0]['pictures'] == '16x12 rgb8'


def test_info_tells_of_an_unfinished_bag(tmp_path: Path) -> None:
    bag = write_rosbag2(tmp_path / 'bag', samples(5))
    (bag / 'metadata.yaml').unlink()
    _, text = run('bag', 'info', bag, '--json', '-')
    assert 'was not finished' in json.loads(text)['unfinished']


def test_images_become_a_bag_with_all_that_was_asked_for(tmp_path: Path) -> None:
    folder = pictures(tmp_path / 'in', 3)
    labels = tmp_path / 'labels'
    labels.mkdir()
    for i in range(3):
        cv2.imwrite(str(labels / f'{i}.png'), np.full((36, 64), i, np.uint8))
    (tmp_path / 'c.txt').write_text('S_rect_02: 64 36\nP_rect_02: 50 0 32 0 0 50 18 0 0 0 1 0\n')
    out = tmp_path / 'bag'
    arguments = [
        'bag', 'from-images', folder, '--output', out, '--rate', 4, '--image-topic', '/front/image',
        '--frame-id', 'front', '--compressed',
        '--labels', labels, '--label-topic', '/front/truth',
        '--calibration', tmp_path / 'c.txt', '--start', '1600000000.25',
    ]  # fmt: skip
    status, _ = run(*arguments)
    assert status == 0
    with BagReader(out) as reader:
        assert {t.name: t.count for t in reader.topics.values()} == {
            '/front/image/compressed': 3,
            '/front/truth': 3,
            '/front/camera_info': 3,
        }
        assert reader.start_ns == 1_600_000_000_250_000_000
        assert reader.duration_s == 0.5
        assert {m.message.header.frame_id for m in reader.messages()} == {'front'}
    status, _ = run(*arguments, '--overwrite')
    assert status == 0


@pytest.mark.parametrize(('high', 'warned'), [(255, True), (1, False)])
def test_labels_whose_class_may_be_255(tmp_path: Path, high: int, warned: bool) -> None:
    for folder in ('images', 'labels'):
        (tmp_path / folder).mkdir()
        pixels = np.zeros((6, 8), np.uint8)
        pixels[3:] = high
        cv2.imwrite(str(tmp_path / folder / 'a.png'), pixels)
    bag = ('bag', 'from-images', tmp_path)
    made = drivseg(*bag, '--labels', 'labels', '--output', tmp_path / 'bag')
    assert made.returncode == 0, made.stderr
    assert ('if 255 is a class, say so in a label map' in made.stderr) == warned
    (tmp_path / 'map.yaml').write_text(
        f'classes: [{{name: other, values: [0]}}, {{name: road, values: [{high}]}}]'
    )
    mapped = drivseg(*bag, '--labels', tmp_path / 'map.yaml', '--output', tmp_path / 'mapped')
    assert mapped.returncode == 0, mapped.stderr
    assert '255' not in mapped.stderr
    with BagReader(tmp_path / 'mapped') as reader:
        [label] = reader.messages(['/camera/label'])
        assert set(label.message.data) == {0, 1}


def test_masks_beside_pictures(tmp_path: Path) -> None:
    for name, level in (('a.jpg', 90), ('b.jpg', 40), ('a_mask.png', 1), ('b_mask.png', 0)):
        cv2.imwrite(str(tmp_path / name), np.full((6, 8), level, np.uint8))
    made = drivseg('bag', 'from-images', tmp_path, '--output', tmp_path / 'bag')
    assert '2 masks beside the pictures (x_mask.png beside x.jpg) are left out' in made.stderr
    made = drivseg(
        *('bag', 'from-images', tmp_path, '--labels', tmp_path, '--output', tmp_path / 'labelled')
    )
    assert 'left out' not in made.stderr
    with BagReader(tmp_path / 'labelled') as reader:
        found = [message.message.data[0] for message in reader.messages(['/camera/label'])]
    assert found == [1, 0]


def test_a_video_becomes_a_bag(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(
        str(tmp_path / 'a.avi'), cv2.VideoWriter.fourcc(*'MJPG'), 10.0, (32, 16)
    )
    for i in range(5):
        writer.write(np.full((16, 32, 3), 40 * i, np.uint8))
    writer.release()
    status, text = run('bag', 'from-video', tmp_path / 'a.avi', '-o', tmp_path / 'bag')
    assert status == 0
    assert '/camera/image_raw  5' in text
    assert '0.40 s' in text


def test_a_drive_becomes_a_bag(tmp_path: Path) -> None:
    out = tmp_path / 'bag'
    arguments = ['--size', '64x48', '--rate', 5, '--duration', 0.4, '--no-labels']
    status, _ = run('bag', 'from-scenes', '-o', out, '--seed', 3, *arguments)
    assert status == 0
    with BagReader(out) as reader:
        assert list(reader.topics) == ['/camera/camera_info', '/camera/image_raw']
        assert reader.topics['/camera/image_raw'].count == 2


@pytest.mark.parametrize(
    ('number', 'status'),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_maker_leaves_a_readable_bag(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    folder = pictures(tmp_path / 'in', 1500, height=180, width=320)
    out = tmp_path / 'bag'
    process = subprocess.Popen(
        [*COMMAND, 'bag', 'from-images', folder, '-o', out], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (out / 'bag_0.mcap').exists() or (out / 'bag_0.mcap').stat().st_size < 3_000_000:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(number)
    _, text = process.communicate(timeout=30)
    assert process.returncode == status
    assert 'Traceback' not in text
    with BagReader(out) as reader:
        assert reader.unfinished == ''
        got = list(reader.messages())
    assert 10 < len(got) < 1500
    assert f'{out} is readable and holds the first' in text.replace('\n', '')
    for i, message in enumerate(got):
        assert message.time_ns == 1_700_000_000_000_000_000 + i * 100_000_000
    # The pictures are grey of the same value as their number.
    assert abs(int(got[10].message.data[0]) - 10) < 3


@pytest.mark.parametrize(
    ('arguments', 'text'),
    [
        (['bag', 'info', 'none'], "there is no bag at 'none'; allowed: a rosbag2 folder"),
        (['bag', 'from-images', 'none', '-o', 'x'], "'none' is no folder"),
        (['bag', 'from-video', 'none', '-o', 'x'], "there is no video 'none'"),
        (['bag', 'from-scenes', '-o', 'x', '--encoding', 'yuv'], "encoding 'yuv' is not written"),
        (['play', 'x', '--remap', 'y'], "--remap 'y' is not understood"),
        (['record', '/a', '/a', '-o', 'x'], 'a topic is given twice'),
    ],
)
def test_errors_are_one_line_and_status_1(arguments: list[str], text: str, tmp_path: Path) -> None:
    done = drivseg(*arguments)
    assert done.returncode == 1
    assert done.stdout == ''
    assert done.stderr.startswith('drivseg: ')
    assert text in done.stderr
    assert done.stderr.count('\n') == 1
