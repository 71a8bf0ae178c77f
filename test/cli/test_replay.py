# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg replay`: what it writes, its exit status, and what Ctrl-C leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from color_bag import ColorBag, write_color_bag
from command_line import COMMAND, drivseg
from tiny_model import write_tiny_model

from drivseg_ros.bags import messages
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.evaluation.open_source import open_source
from drivseg_ros.model.card import BDD100K_CLASSES

replay = partial(drivseg, 'replay')
IMAGES = ('--image-topic', '/cam/image_raw')


def write_broken_bag(path: Path, *, broken: set[int], frames: int = 4) -> Path:
    with BagWriter(path) as writer:
        writer.add_topic('/cam/image_raw', 'sensor_msgs/msg/Image')
        for i in range(frames):
            message = messages.image(
                np.zeros((48, 64, 3), np.uint8), encoding='rgb8', stamp_ns=i, frame_id='c'
            )
            if i in broken:
                message.encoding = 'rgb99'
            writer.write('/cam/image_raw', i, message)
    return path


def test_all_that_it_writes(tmp_path: Path, tiny_model: Path, color_bag: ColorBag) -> None:
    made = {name: tmp_path / name for name in ('out', 'o.mp4', 's.png', 'e.json')}
    result = replay(
        color_bag.path, '--model', tiny_model, '--label-topic', '/cam/label', '-o', made['out'],
        '--video', made['o.mp4'], '--contact-sheet', made['s.png'], '--json', made['e.json'],
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert 'mIoU' in result.stdout
    for path in made.values():
        assert f'  {path}\n' in result.stdout
    capture = cv2.VideoCapture(str(made['o.mp4']))
    assert int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == 10
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(20, rel=0.01)
    assert cv2.imread(str(made['s.png'])).shape[1] > 3 * 400
    content = json.loads(made['e.json'].read_text())
    assert content['metrics']['miou']['value'] == 1
    assert content['ledger']['processed'] == 10
    assert 'read' in content['times']['stages']
    with BagReader(made['out']) as reader:
        assert reader.topic('/cam/segmentation/mask').count == 10
        assert reader.topic('/cam/segmentation/confidence').count == 10
    # What the masks mean is in the bag, as the node would have said it.
    masks = open_source(made['out'], mask_topic='/cam/segmentation/mask')
    assert masks.masks is not None
    assert [c.name for c in masks.masks.classes] == [c.name for c in BDD100K_CLASSES]
    # As a page: it is the JSON of an evaluation.
    page = drivseg('report', 'html', made['e.json'])
    assert page.returncode == 0, page.stderr
    again = replay(color_bag.path, *IMAGES, '--model', tiny_model, '-o', made['out'])
    assert again.returncode == 1
    assert 'give another output, or --overwrite' in again.stderr


def test_json_on_stdout(tiny_model: Path, color_bag: ColorBag) -> None:
    result = replay(color_bag.path, *IMAGES, '--model', tiny_model, '--json', '-')
    assert json.loads(result.stdout)['ledger']['processed'] == 10
    assert 'offered' not in result.stderr
    assert '10 offered' in replay(color_bag.path, *IMAGES, '--model', tiny_model).stdout
    limited = replay(color_bag.path, *IMAGES, '--model', tiny_model, '--limit', '3')
    assert '3 offered' in limited.stdout


def test_a_wrong_label_costs_exactly_its_pixels(tmp_path: Path, tiny_model: Path) -> None:
    bag = write_color_bag(tmp_path / 'bag', frames=4, wrong_label=2)
    found = tmp_path / 'e.json'
    result = replay(bag.path, '--model', tiny_model, '--label-topic', '/cam/label', '--json', found)
    assert result.returncode == 0, result.stderr
    metrics = json.loads(found.read_text())['metrics']
    label = np.stack([i.argmax(-1) for i in bag.images])
    prediction = label.copy()
    label[2] = 2
    for c, name in enumerate(('direct', 'alternative', 'background')):
        union = ((label == c) | (prediction == c)).sum()
        expected = ((label == c) & (prediction == c)).sum() / union
        assert metrics[f'iou/{name}']['value'] == pytest.approx(expected, abs=1e-6)


def test_a_broken_frame_is_left_out(tmp_path: Path, tiny_model: Path) -> None:
    bag = write_broken_bag(tmp_path / 'bag', broken={1, 2})
    result = replay(bag, '--model', tiny_model, '--json', tmp_path / 'e.json')
    assert result.returncode == 1
    assert result.stderr.startswith('2 of 4 frames failed; the last: ')
    ledger = json.loads((tmp_path / 'e.json').read_text())['ledger']
    assert (ledger['offered'], ledger['processed'], ledger['failed']) == (4, 2, 2)
    assert ledger['failed_by_kind'] == {'encoding': 2}


def test_where_every_frame_is_broken_it_ends_with_1_and_writes_what_it_can(
    tmp_path: Path, tiny_model: Path
) -> None:
    bag = write_broken_bag(tmp_path / 'bag', broken={0, 1, 2, 3})
    video, found, output = (tmp_path / name for name in ('o.mp4', 'e.json', 'out'))
    result = replay(bag, '--model', tiny_model, '--video', video, '--json', found, '-o', output)
    assert result.returncode == 1
    assert 'none of 4 frames could be evaluated; the last: ' in result.stderr
    assert "'rgb99'" in result.stderr
    assert json.loads(found.read_text())['ledger']['failed'] == 4
    for path in (video, output):
        assert not path.exists()
        assert f"'{path}' is not written: no frame was processed" in result.stderr.replace(
            '\n', ' '
        )


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (['--image-topic', '/nothing'], "no topic '/nothing'"),
        (['--label-topic', '/nothing'], "no topic '/nothing'"),
        (['--label-topic', '/cam/image_raw'], 'must differ'),
        (['--video', 'o.avi'], 'ends in .mp4'),
        (['--overlay-alpha', '2'], '--overlay-alpha'),
    ],
)
def test_refusals(
    tiny_model: Path, color_bag: ColorBag, arguments: list[str], expected: str
) -> None:
    given = [*IMAGES, *arguments]
    result = replay(color_bag.path, '--model', tiny_model, *given)
    assert result.returncode != 0
    assert expected in result.stderr


def test_pictures_are_no_bag(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / 'in').mkdir()
    cv2.imwrite(str(tmp_path / 'in' / 'a.png'), np.zeros((8, 8, 3), np.uint8))
    result = replay(tmp_path / 'in', '--model', tiny_model)
    assert result.returncode == 1
    assert 'is no bag; `drivseg segment` takes pictures' in result.stderr


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_what_it_did(tmp_path: Path, number: signal.Signals) -> None:
    bag = write_color_bag(tmp_path / 'bag', frames=60)
    model = write_tiny_model(tmp_path / 'slow.onnx', width=640, height=368, work=12)
    output, found = tmp_path / 'out', tmp_path / 'e.json'
    process = subprocess.Popen(
        [*COMMAND, 'replay', bag.path, *IMAGES, '--model', model, '-o', output, '--json', found],
        env=os.environ.copy(),
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):  # until the first masks are on their way
        if process.poll() is not None or (
            output.is_dir() and any(f.stat().st_size > 0 for f in output.iterdir())
        ):
            break
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert 'Traceback' not in errors
    content = json.loads(found.read_text())
    assert content['interrupted']
    with BagReader(output) as reader:
        assert not reader.unfinished
        count = reader.topic('/cam/segmentation/mask').count
    assert 0 < count == content['ledger']['processed'] < 60
