# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A live run through real DDS gives what a replay gives, and its ledger adds up."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from color_bag import ColorBag, write_color_bag
from plain_colors import read_frames

from drivseg_ros.bags.reader import BagReader
from drivseg_ros.base.usage import usage_below
from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.live.evaluation import evaluate_run
from drivseg_ros.evaluation.live.recording import Recorded, check_stamps
from drivseg_ros.evaluation.live.run import (
    LiveRun,
    NodeChoice,
    PlayedFrame,
    read_play_log,
    run_live,
)
from drivseg_ros.evaluation.open_source import open_source
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.images.codec import decode_labels
from drivseg_ros.images.overlay import Look
from drivseg_ros.model.store import find_model
from drivseg_ros.report.overlay_sinks import OverlaySheet, OverlayVideo

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")


@pytest.fixture(scope='module')
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[ColorBag, LiveRun]:
    """Twenty frames at 10 Hz through node, player and recorder."""
    from tiny_model import write_tiny_model

    folder = tmp_path_factory.mktemp('live')
    bag = write_color_bag(folder / 'bag', frames=20)
    run = run_live(
        bag.path,
        image_topic='/cam/image_raw',
        choice=NodeChoice(model=str(write_tiny_model(folder / 'tiny.onnx'))),
        speed=0.5,
        folder=folder / 'run',
        on_progress=lambda *_: None,
    )
    return bag, run


def test_masks_are_those_of_a_replay(finished: tuple[ColorBag, LiveRun]) -> None:
    bag, run = finished
    with BagReader(run.recording) as reader:
        masks = list(reader.messages([run.mask_topic]))
    assert masks, run.node_log.read_text()
    by_stamp = dict(zip(bag.stamps_ns, bag.images, strict=True))
    for message in masks:
        stamp = message.header_stamp_ns
        assert stamp in by_stamp
        assert message.message.header.frame_id == 'camera'
        np.testing.assert_array_equal(decode_labels(message.message), by_stamp[stamp].argmax(-1))


def test_metrics_and_pictures(finished: tuple[ColorBag, LiveRun], tmp_path: Path) -> None:
    bag, run = finished
    seen: list[tuple[int, int]] = []
    source = open_source(bag.path, label_topic='/cam/label', labels='bdd100k')
    video, sheet = tmp_path / 'v.mp4', tmp_path / 's.png'
    found = evaluate_run(
        run,
        source,
        find_model(str(run.recording.parents[1] / 'tiny.onnx')),
        EvaluationSettings(),
        sinks=[
            OverlayVideo(video, rate_hz=source.rate_hz, look=Look()),
            OverlaySheet(sheet, look=Look()),
        ],
        on_frame=lambda *at: seen.append(at),
    )
    (part,) = found.parts
    assert part.live is not None
    assert part.ledger.offered + part.live.lost_before_node == 20
    assert found.metrics['miou'].value == 1
    assert found.metrics['latency_p50'].value > 0
    assert found.network['model'] == 'tiny'
    # A frame without a mask is shown all the same, so that the video keeps time.
    assert len(read_frames(video)) == 20
    assert sheet.stat().st_size > 0
    assert seen[-1] == (20, 20)


def test_play_log(tmp_path: Path) -> None:
    path = tmp_path / 'log'
    row = {'topic': '/a', 'stamp_ns': 5, 'due_ns': 7, 'published_ns': 9}
    path.write_text(f'{json.dumps(row)}\n{{"topic": "/a", "sta')
    assert read_play_log(path) == [PlayedFrame(stamp_ns=5, due_ns=7, published_ns=9)]
    assert read_play_log(tmp_path / 'none') == []


def test_masks_of_somebody_else_are_noticed() -> None:
    recorded = Recorded(received_ns={77: 1}, diagnostics={})
    with pytest.raises(DrivsegError, match='another node'):
        check_stamps([PlayedFrame(1, 0, 0)], recorded)


def test_a_node_that_cannot_start_says_why(tmp_path: Path, color_bag: ColorBag) -> None:
    (tmp_path / 'broken.onnx').write_text('nonsense')
    with pytest.raises(DrivsegError, match=r'(?s)cannot be read as ONNX'):
        run_live(
            color_bag.path,
            image_topic='/cam/image_raw',
            choice=NodeChoice(model=str(tmp_path / 'broken.onnx')),
            speed=1.0,
            folder=tmp_path / 'run',
            on_progress=lambda *_: None,
        )


@pytest.mark.parametrize(
    ('number', 'message'),
    [
        (signal.SIGTERM, 'the node ended with exit status 0'),
        (signal.SIGKILL, 'the node ended with exit status 137'),
        # It hangs; when the bag is played, nobody knows what became of the frames.
        (signal.SIGSTOP, r'the node has not reported that it is done \(diagnostics .*: 0\)'),
    ],
)
def test_a_node_that_ends_in_mid_run(
    tmp_path: Path,
    color_bag: ColorBag,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    message: str,
) -> None:
    monkeypatch.setattr('drivseg_ros.evaluation.live.run._DRAIN_S', 1.0)
    hit: list[int] = []
    segments: set[Path] = set()

    def on_progress(played: int, _: int) -> None:
        if played >= 3 and not hit:
            hit.append(node_below(os.getpid()))
            maps = Path(f'/proc/{hit[0]}/maps').read_text()
            segments.update(map(Path, re.findall(r'/dev/shm/fast(?:dds|rtps)_[0-9a-f]{16}', maps)))
            os.kill(hit[0], number)

    with pytest.raises(DrivsegError, match=message):
        run_live(
            color_bag.path,
            image_topic='/cam/image_raw',
            choice=NodeChoice(model=str(tiny_model)),
            speed=0.2,
            folder=tmp_path / 'run',
            on_progress=on_progress,
        )
    assert not Path(f'/proc/{hit[0]}').exists()
    # Where it is killed, Fast DDS leaves its 64 MB behind.
    for segment in segments:
        segment.unlink(missing_ok=True)
        segment.with_name(f'{segment.name}_el').unlink(missing_ok=True)


def node_below(pid: int) -> int:
    """The segmentation node among what a process started."""
    for number in usage_below(pid).processes:
        command = Path(f'/proc/{number}/cmdline').read_bytes().split(b'\0')
        if b'drivseg_ros.node' in command and b'drivseg_ros.base.leash' not in command:
            return number
    raise AssertionError('there is no node')


def drivseg(*arguments: object) -> list[str]:
    return [sys.executable, '-m', 'drivseg_ros.cli', *map(str, arguments)]


def test_demo_command(tmp_path: Path, tiny_model: Path) -> None:
    folder = tmp_path / 'demo'
    for left in ('overlay.mp4', 'report.json', 'logs/played.jsonl'):  # of an earlier run
        (folder / left).parent.mkdir(parents=True, exist_ok=True)
        (folder / left).write_text('{}\n' * 3)
    command = drivseg('demo', '--model', tiny_model, '--output', folder, '--duration', 2)
    run = partial(subprocess.run, env=os.environ.copy(), capture_output=True, text=True)
    refused = run(command, check=False)
    assert refused.returncode == 1
    assert 'is not empty' in refused.stderr
    assert '--overwrite' in refused.stderr
    result = run([*command, '--overwrite'], check=False)
    assert result.returncode == 0, result.stderr
    for name in ('overlay.mp4', 'contact_sheet.png', 'report.json'):
        assert (folder / name).stat().st_size > 0
        assert name in result.stdout
    report = json.loads((folder / 'report.json').read_text())
    ledger = report['ledger']
    assert ledger['offered'] + report['live']['lost_before_node'] == 40
    assert ledger['processed'] > ledger['unlabelled'] == 0
    assert report['metrics']['miou']['value'] > 0
    with BagReader(folder / 'output') as reader:
        assert reader.topic('/camera/segmentation/mask').count == ledger['processed']
        assert reader.topic('/diagnostics').count > 0
    assert 'mIoU' in result.stdout
    assert 'p99' in result.stdout


def test_demo_of_a_bag_interrupted(tmp_path: Path, tiny_model: Path) -> None:
    """Ctrl-C leaves the metrics and files of what was played before."""
    bag = write_color_bag(tmp_path / 'bag', frames=400)
    folder = tmp_path / 'demo'
    command = drivseg('demo', '--bag', bag.path, '--image-topic', '/cam/image_raw')
    command += ['--model', str(tiny_model), '--output', str(folder)]
    process = subprocess.Popen(command, env=os.environ.copy(), stderr=subprocess.PIPE, text=True)
    log = folder / 'logs' / 'played.jsonl'
    deadline = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert 'Traceback' not in errors
    report = json.loads((folder / 'report.json').read_text())
    assert report['interrupted']
    assert 0 < report['ledger']['processed'] <= report['ledger']['offered'] < 400
    assert report['ledger']['unlabelled'] > 0


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (['--bag', 'x'], "there is nothing at 'x'"),
        (['--image-topic', '/a'], 'give --bag too, or leave it out'),
        (['--labels', 'bdd100k'], 'give --bag too'),
        (['--label-topic', '/l'], 'give --bag too'),
        (['--speed', '0'], 'out of range'),
        (['--model', 'nothing'], "no model is called 'nothing'"),
    ],
)
def test_demo_refusals(
    tmp_path: Path, tiny_model: Path, arguments: list[str], expected: str
) -> None:
    command = drivseg('demo', '--output', tmp_path / 'demo', '--model', tiny_model, *arguments)
    result = subprocess.run(
        command, env=os.environ.copy(), capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert expected in result.stderr.replace('\n', ' ')
    assert not (tmp_path / 'demo').exists()
