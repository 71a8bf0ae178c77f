# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node, played to over DDS, gives the masks and the metrics of an offline evaluation."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from color_bag import START_NS, ColorBag, color_image, write_color_bag
from evaluation_cases import accuracy
from tiny_model import write_tiny_model

from drivseg_ros.bags import messages
from drivseg_ros.bags.topics import BagTopics
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import DrivsegError, ParameterError
from drivseg_ros.evaluation.comparison import compare
from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.gate import check_frames
from drivseg_ros.evaluation.request import EvaluationRequest, open_evaluation
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.images.compression import encode_jpeg

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

IMAGE, LABEL = '/cam/image_raw', '/cam/label'
FRAMES = 40


def evaluate(bag: Path, model: Path, /, **changes: object) -> Evaluation:
    topics = BagTopics(image=IMAGE, label=changes.pop('label', LABEL))  # type: ignore[arg-type]
    request = EvaluationRequest(
        str(bag), str(model), engine='onnxruntime', threads=1, draws=200, topics=topics
    )
    request = dataclasses.replace(request, **changes)  # type: ignore[arg-type]
    with open_evaluation(request) as opened:
        return opened.run()


@pytest.fixture(scope='module')
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[ColorBag, Path]:
    """A bag with labels that are wrong here and there, and a network that errs."""
    folder = tmp_path_factory.mktemp('live')
    bag = write_color_bag(folder / 'bag', frames=FRAMES, wrong_label=4)
    return bag, write_tiny_model(folder / 'tiny.onnx', width=24, height=18)


@pytest.fixture(scope='module')
def pair(place: tuple[ColorBag, Path]) -> tuple[Evaluation, Evaluation]:
    """Offline, and live at half speed."""
    bag, model = place
    return evaluate(bag.path, model), evaluate(bag.path, model, live=True, speed=0.5)


def test_masks_are_those_of_an_offline_evaluation(
    pair: tuple[Evaluation, Evaluation],
) -> None:
    offline, live = pair
    by_name = {row.name: row for row in offline.rows}
    assert len(live.rows) > FRAMES / 2
    for row in live.rows:
        other = by_name[row.name]
        # The whole table of a frame is another one if a pixel of its mask is.
        np.testing.assert_array_equal(row.sums.table, other.sums.table)
        np.testing.assert_array_equal(row.sums.boundary, other.sums.boundary)
        assert (row.label_sha256, row.image_sha256) == (other.label_sha256, other.image_sha256)
        assert row.group == other.group
    assert live.network == offline.network
    assert 0.5 < live.metrics['miou'].value < 1
    for name, change in compare(offline, live).changes.items():
        if not change.metric.is_time:
            assert change.difference in (0, None), name
    if len(live.rows) == FRAMES:
        assert accuracy(live) == accuracy(offline)


def test_the_ledger_and_the_times(pair: tuple[Evaluation, Evaluation]) -> None:
    _, live = pair
    (part,) = live.parts
    assert part.live is not None
    assert part.times is None
    counts = part.ledger
    assert len(part.live.played) == FRAMES == counts.offered + part.live.lost_before_node
    assert counts.processed == len(live.rows) + part.live.lost_after_node
    assert (counts.failed, counts.waiting, counts.skipped) == (0, 0, 0)
    assert len(part.live.latencies) == len(live.rows)
    assert all(ms > 0 for _, ms in part.live.latencies)
    # Forty frames, ten a second.
    assert part.live.duration_s == pytest.approx((FRAMES - 1) * 0.1, rel=0.1)
    times = [one for one in live.metrics.values() if one.metric.is_time]
    assert len(times) == 5
    assert all(one.value is not None and one.value > 0 for one in times)
    content = describe(live)
    assert content['live']['speed'] == 0.5
    assert set(content['times']['stages']) == {'wait', 'decode', 'infer', 'publish', 'total'}
    assert content['live']['node']['model'] == 'tiny'
    assert 'gpu_percent' not in content['live']['usage']
    again = Evaluation.from_plain(json.loads(json.dumps(content)))
    assert again.parts == live.parts


def test_live_runs_are_put_together(pair: tuple[Evaluation, Evaluation]) -> None:
    _, live = pair
    both = live.merge(live)
    assert both.counts.offered == 2 * live.counts.offered
    assert both.metrics['miou'].value == live.metrics['miou'].value
    assert both.metrics['latency_p50'] == live.metrics['latency_p50']
    assert describe(both)['live']['played'] == 2 * FRAMES


def test_a_speed_that_the_node_cannot_hold(tmp_path: Path) -> None:
    """Without labels and with a frame that fails, everything played is accounted for."""
    bag = tmp_path / 'bag'
    with BagWriter(bag) as writer:
        writer.add_topic(IMAGE, 'sensor_msgs/msg/Image')
        for i in range(60):
            stamp = START_NS + i * 10_000_000
            message = messages.image(
                color_image(i), encoding='rgb8', stamp_ns=stamp, frame_id='camera'
            )
            if i % 2:
                message.data = message.data[:-5]
            writer.write(IMAGE, stamp, message)
    model = write_tiny_model(tmp_path / 'slow.onnx', width=320, height=240, work=16)
    live = evaluate(bag, model, live=True, speed=1.0, label=None)
    (part,) = live.parts
    assert part.live is not None
    counts = part.ledger
    assert counts.offered + part.live.lost_before_node == len(part.live.played) == 60
    fates = (counts.processed, counts.dropped, counts.failed, counts.skipped, counts.waiting)
    assert sum(fates) == counts.offered
    assert counts.processed + counts.failed < 60
    assert counts.failed_by_kind == ({'truncated': counts.failed} if counts.failed else {})
    assert len(live.rows) == counts.processed - part.live.lost_after_node
    assert part.unlabelled == len(live.rows)
    assert live.labels_sha256 == ''
    # Halves without a label have no IoU, but a network that changes its mind.
    assert 'miou' not in live.metrics
    assert live.metrics['latency_p50'].value > 0


def test_topics_and_paths_of_any_name(tmp_path: Path) -> None:
    """A compressed topic that does not say so, and a path full of what YAML gives a meaning."""
    bag, topic = tmp_path / 'bag', '/cam/jpegs'
    with BagWriter(bag) as writer:
        writer.add_topic(topic, 'sensor_msgs/msg/CompressedImage')
        for i in range(6):
            stamp = START_NS + i * 100_000_000
            file = encode_jpeg(color_image(i))
            message = messages.compressed_image(file, stamp_ns=stamp, frame_id='camera')
            writer.write(topic, stamp, message)
    model = write_tiny_model(tmp_path / 'a #1: ü' / "it's.onnx", width=24, height=18)
    live = evaluate(bag, model, live=True, topics=BagTopics(image=topic))
    offline = evaluate(bag, model, topics=BagTopics(image=topic))
    (part,) = live.parts
    assert part.live is not None
    assert len(part.live.played) == 6
    assert live.network == offline.network
    digests = {row.name: row.image_sha256 for row in offline.rows}
    assert live.rows
    assert all(digests[row.name] == row.image_sha256 for row in live.rows)


def test_messages_of_one_stamp_are_not_evaluated(tmp_path: Path) -> None:
    """A mask has the stamp of both, and the node may have dropped either."""
    bag = tmp_path / 'bag'
    stamps = [START_NS + i * 100_000_000 for i in (0, 1, 2, 2, 4, 5)]
    with BagWriter(bag) as writer:
        writer.add_topic(IMAGE, 'sensor_msgs/msg/Image')
        for i, stamp in enumerate(stamps):
            message = messages.image(
                color_image(i), encoding='rgb8', stamp_ns=stamp, frame_id='camera'
            )
            writer.write(IMAGE, START_NS + i * 100_000_000, message)
    model = write_tiny_model(tmp_path / 'tiny.onnx', width=24, height=18)
    live = evaluate(bag, model, live=True, speed=0.5, label=None)
    (part,) = live.parts
    assert part.live is not None
    assert part.live.repeated == 2
    assert '1700000000.200000000' not in [row.name for row in live.rows]
    assert [latency for _, _, latency in part.live.played][2:4] == [None, None]
    # The node's ledger is as it was: it knows nothing of stamps.
    counts = part.ledger
    assert (counts.offered + part.live.lost_before_node, counts.failed) == (6, 0)
    check = check_frames(live)
    assert not check.passed
    assert '2 have the stamp of another one' in check.message
    why = 'several messages have this stamp; which of them a mask belongs to is unknown'
    assert check.frames == tuple(f'1700000000.200000000 ({i}): {why}' for i in (3, 4))
    again = Evaluation.from_plain(json.loads(json.dumps(describe(live))))
    assert again.parts == live.parts


def test_it_ends_with_whoever_started_it(place: tuple[ColorBag, Path], tmp_path: Path) -> None:
    """Killed in mid-run, it leaves no process behind."""
    bag, model = place
    code = (
        'import sys; from pathlib import Path\n'
        'from drivseg_ros.evaluation.live.run import NodeChoice, run_live\n'
        'bag, model, folder = map(Path, sys.argv[1:])\n'
        f'run_live(bag, image_topic={IMAGE!r}, choice=NodeChoice(str(model)), speed=0.05,\n'
        '         folder=folder, on_progress=lambda *_: None)\n'
    )
    command = [sys.executable, '-c', code, str(bag.path), str(model), str(tmp_path / 'run')]
    log = tmp_path / 'run' / 'logs' / 'played.jsonl'
    with subprocess.Popen(command, env=os.environ.copy()) as parent:
        deadline = time.monotonic() + 60
        while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
            assert parent.poll() is None
            time.sleep(0.1)
        mark = str(tmp_path / 'run')
        assert processes_that_say(mark, str(model))
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while processes_that_say(mark, str(model)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_that_say(mark, str(model)) == []


def processes_that_say(*words: str) -> list[str]:
    """The command lines of others that hold one of the words."""
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            line = path.read_bytes().replace(b'\0', b' ').decode(errors='replace')
        except OSError:
            continue
        if path.parent.name != str(os.getpid()) and any(word in line for word in words):
            found.append(line)
    return found


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'speed': 2.0}, 'give --live too'),
        ({'live': True, 'speed': 0.0}, 'speed 0.0 is out of range'),
        ({'live': True, 'speed': float('nan')}, 'out of range'),
        ({'live': True, 'limit': 3}, 'leave --limit out'),
        (
            {'live': True, 'model': None, 'topics': BagTopics(mask='/m', image=IMAGE)},
            'leave --mask-topic out',
        ),
        (
            {'live': True, 'frames': 'folder=frames,classes=bdd100k'},
            'is none; make a bag of it first',
        ),
        ({'live': True, 'model': 'nothing'}, "no model is called 'nothing'"),
    ],
)
def test_what_is_refused(
    place: tuple[ColorBag, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, object],
    message: str,
) -> None:
    bag, model = place
    if 'frames' in changes:
        monkeypatch.chdir(tmp_path)
        for folder in ('images', 'labels'):
            (tmp_path / 'frames' / folder).mkdir(parents=True)
        import cv2

        cv2.imwrite('frames/images/0.png', color_image(0))
        cv2.imwrite('frames/labels/0.png', np.zeros((96, 128), np.uint8))
        changes = {**changes, 'topics': BagTopics()}
    with pytest.raises((ParameterError, DrivsegError), match=message):
        evaluate(bag.path, model, **changes)
