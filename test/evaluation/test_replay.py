# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Replay: every frame once, in order, with the header it came with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from color_bag import ColorBag, write_color_bag
from tiny_model import write_tiny_model

from drivseg_ros.bags import messages
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import BagError, DrivsegError
from drivseg_ros.evaluation.replay import Replay, ReplayFiles
from drivseg_ros.evaluation.report import write_report
from drivseg_ros.images.codec import decode_labels
from drivseg_ros.segmenter import Segmenter


def run(bag: Path, model: Path, files: ReplayFiles = ReplayFiles(), **options: str) -> dict:  # noqa: B008
    arguments = {'image_topic': '/cam/image_raw', **options}
    with Segmenter.open(model) as segmenter:
        return Replay(segmenter, **arguments).run(bag, files, on_frame=lambda *_: None)


def test_masks_are_right_and_keep_their_headers(
    tmp_path: Path, tiny_model: Path, color_bag: ColorBag
) -> None:
    output = tmp_path / 'out'
    report = run(color_bag.path, tiny_model, ReplayFiles(output=output), label_topic='/cam/label')
    with BagReader(output) as reader:
        masks = list(reader.messages(['/cam/segmentation/mask']))
        assert reader.topic('/cam/segmentation/confidence').count == 10
    assert [m.header_stamp_ns for m in masks] == color_bag.stamps_ns
    assert [m.time_ns for m in masks] == [s + 7 for s in color_bag.stamps_ns]
    assert {m.message.header.frame_id for m in masks} == {'camera'}
    for message, image in zip(masks, color_bag.images, strict=True):
        np.testing.assert_array_equal(decode_labels(message.message), image.argmax(-1))
    assert report['accuracy']['miou'] == 1.0
    assert report['accuracy']['frames'] == 10
    frames = report['frames']
    assert (frames['offered'], frames['processed'], frames['failed']) == (10, 10, 0)
    assert report['stages']['infer']['count'] == 10


def test_a_wrong_label_costs_exactly_its_pixels(tmp_path: Path, tiny_model: Path) -> None:
    bag = write_color_bag(tmp_path / 'bag', frames=4, wrong_label=2)
    report = run(bag.path, tiny_model, label_topic='/cam/label')
    label = np.stack([i.argmax(-1) for i in bag.images])
    prediction = label.copy()
    label[2] = 2
    for c, name in enumerate(('direct', 'alternative', 'background')):
        union = ((label == c) | (prediction == c)).sum()
        expected = ((label == c) & (prediction == c)).sum() / union
        assert report['accuracy']['iou_by_class'][name] == pytest.approx(expected, abs=1e-6)


def test_a_broken_frame_costs_itself_only(tmp_path: Path, tiny_model: Path) -> None:
    bag = tmp_path / 'bag'
    with BagWriter(bag) as writer:
        writer.add_topic('/cam/image_raw', 'sensor_msgs/msg/Image')
        for i in range(4):
            message = messages.image(
                np.zeros((48, 64, 3), np.uint8), encoding='rgb8', stamp_ns=i, frame_id='c'
            )
            if i == 1:
                message.encoding = 'rgb99'
            if i == 2:
                message.data = message.data[:-5]
            writer.write('/cam/image_raw', i, message)
    frames = run(bag, tiny_model)['frames']
    assert (frames['offered'], frames['processed'], frames['failed']) == (4, 2, 2)
    assert frames['failed_by_kind'] == {'encoding': 1, 'truncated': 1}
    assert frames['last_error']


def test_video_and_contact_sheet(tmp_path: Path, tiny_model: Path, color_bag: ColorBag) -> None:
    files = ReplayFiles(video=tmp_path / 'o.mp4', contact_sheet=tmp_path / 's.png')
    run(color_bag.path, tiny_model, files)
    capture = cv2.VideoCapture(str(files.video))
    assert int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == 10
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(20, rel=0.01)
    sheet = cv2.imread(str(files.contact_sheet))
    assert sheet.shape[1] > 3 * 400


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({'image_topic': '/nothing'}, r"no topic '/nothing'.*/cam/image_raw"),
        ({'label_topic': '/nothing'}, "no topic '/nothing'"),
    ],
)
def test_unknown_topics(
    tiny_model: Path, color_bag: ColorBag, options: dict, expected: str
) -> None:
    with pytest.raises(BagError, match=expected):
        run(color_bag.path, tiny_model, **options)


def test_labels_of_another_world_are_refused(tmp_path: Path, color_bag: ColorBag) -> None:
    model = write_tiny_model(tmp_path / 'm.onnx')
    with pytest.raises(DrivsegError, match=r'label topic .*encoding'):
        run(color_bag.path, model, label_topic='/cam/image_raw')


def test_report_is_json_with_its_origin(
    tmp_path: Path, tiny_model: Path, color_bag: ColorBag
) -> None:
    report = run(color_bag.path, tiny_model)
    write_report(tmp_path / 'report.json', report)
    content = json.loads((tmp_path / 'report.json').read_text())
    assert content['hardware']['cpus_usable'] >= 1
    assert content['versions']['numpy'] == np.__version__
    assert len(content['input']['images_sha256']) == 64
    assert content['accuracy'] is None
    again = run(color_bag.path, tiny_model)
    assert again['input']['images_sha256'] == content['input']['images_sha256']


@pytest.mark.parametrize(
    'number', [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_interrupted_it_leaves_what_it_did(tmp_path: Path, number: signal.Signals) -> None:
    bag = write_color_bag(tmp_path / 'bag', frames=60)
    model = write_tiny_model(tmp_path / 'slow.onnx', width=640, height=368, work=12)
    output, report = tmp_path / 'out', tmp_path / 'report.json'
    command = [sys.executable, '-m', 'drivseg_ros.cli', 'replay', str(bag.path)]
    command += ['--image-topic', '/cam/image_raw', '--model', str(model)]
    command += ['--output', str(output), '--report', str(report)]
    process = subprocess.Popen(command, env=os.environ.copy(), stderr=subprocess.PIPE, text=True)
    for _ in range(600):  # until the first masks are on their way
        if process.poll() is not None or (
            output.is_dir() and any(f.stat().st_size > 0 for f in output.iterdir())
        ):
            break
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert 'Traceback' not in errors
    frames = json.loads(report.read_text())['frames']
    with BagReader(output) as reader:
        assert not reader.unfinished
        assert 0 < reader.topic('/cam/segmentation/mask').count <= frames['processed'] < 60
