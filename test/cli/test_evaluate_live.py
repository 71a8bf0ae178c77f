# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg evaluate --live`: its limits, its files, and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from color_bag import write_color_bag
from typer.testing import CliRunner

from drivseg_ros.cli.app import app
from drivseg_ros.errors import DrivsegError

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

TOPICS = ('--image-topic', '/cam/image_raw', '--label-topic', '/cam/label')
COMMON = (*TOPICS, '--engine', 'onnxruntime', '--threads', '1', '--draws', '0')


def command(*arguments: object) -> list[str]:
    return [sys.executable, '-m', 'drivseg_ros.cli', 'evaluate', *map(str, arguments), *COMMON]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), env=os.environ.copy(), capture_output=True, text=True, check=False
    )


def test_limits_against_a_live_baseline(tmp_path: Path, tiny_model: Path) -> None:
    bag = write_color_bag(tmp_path / 'bag', frames=20).path
    base, found, junit = (tmp_path / name for name in ('base.json', 'e.json', 'e.xml'))
    first = run(bag, '--model', tiny_model, '--live', '--json', base)
    assert first.returncode == 0, first.stderr
    assert 'message to mask' in first.stdout
    assert 'played at 1 times recorded speed: 20 messages' in first.stdout
    document = json.loads(base.read_text())
    assert document['metrics']['miou']['value'] == 1
    assert document['metrics']['latency_p95']['value'] > 0
    ledger, live = document['ledger'], document['live']
    assert live['played'] == ledger['offered'] + live['lost_before_node'] == 20

    second = run(
        bag, '--model', tiny_model, '--live', '--speed', 0.5, '--json', found, '--junit', junit,
        '--baseline', base, '--max-drop', 'miou=0', '--max-rise', 'memory_mib=300%',
        '--max', 'latency_p50=0',
    )  # fmt: skip
    assert second.returncode == 1, second.stderr
    assert 'BROKEN: latency_p50 at most 0: latency_p50 is ' in second.stdout
    assert 'kept: miou may drop by 0' in second.stdout
    assert 'kept: memory_mib may rise by 300 % of its value' in second.stdout
    assert 'name="latency_p95"' in junit.read_text()
    assert json.loads(found.read_text())['live']['speed'] == 0.5


def interrupt(
    folder: Path, number: signal.Signals, *arguments: object
) -> tuple[int, str, str, list[str]]:
    """Sends a signal once five frames are played.

    Returns:
        The exit status, what was printed to stdout and stderr, and the temporary files that are
        left.
    """
    temporary = folder / 'temporary'
    temporary.mkdir()
    with subprocess.Popen(
        command(*arguments),
        env={**os.environ, 'TMPDIR': str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            logs = list(temporary.glob('drivseg_live_*/logs/played.jsonl'))
            if logs and logs[0].read_bytes().count(b'\n') >= 5:
                break
            time.sleep(0.1)
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert 'Traceback' not in errors
    return process.returncode, output, errors, [path.name for path in temporary.iterdir()]


def test_interrupted_it_evaluates_what_was_played(tmp_path: Path, tiny_model: Path) -> None:
    bag = write_color_bag(tmp_path / 'bag', frames=60).path
    found = tmp_path / 'e.json'
    status, output, errors, left = interrupt(
        tmp_path, signal.SIGINT, bag, '--model', tiny_model, '--live', '--speed', 0.1,
        '--json', found,
    )  # fmt: skip
    assert status == 130, errors
    assert 'the run was ended early' in output
    document = json.loads(found.read_text())
    assert document['interrupted']
    assert 5 <= document['live']['played'] < 60
    assert (
        document['live']['played']
        == document['ledger']['offered'] + document['live']['lost_before_node']
    )
    assert document['metrics']['miou']['value'] == 1
    assert left == []


def test_sigterm_ends_it_without_metrics(tmp_path: Path, tiny_model: Path) -> None:
    """Who sends it wants an end, and kills what goes on for long."""
    bag = write_color_bag(tmp_path / 'bag', frames=60).path
    found = tmp_path / 'e.json'
    status, _, errors, left = interrupt(
        tmp_path, signal.SIGTERM, bag, '--model', tiny_model, '--live', '--speed', 0.1,
        '--json', found,
    )  # fmt: skip
    assert (status, found.exists(), left) == (143, False, []), errors


@pytest.mark.parametrize(
    ('number', 'expected'),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_many_live_runs_are_interrupted_in_good_order(
    tmp_path: Path, tiny_model: Path, number: signal.Signals, expected: int
) -> None:
    """The one that is being played is not kept; the next time it is played whole."""
    bags = [write_color_bag(tmp_path / name, frames=4 + 40 * (name == 'b')).path for name in 'ab']
    kept = tmp_path / 'kept'
    status, _, errors, left = interrupt(
        tmp_path, number, *bags, '--model', tiny_model, '--live', '--speed', 0.2,
        '--output', kept,
    )  # fmt: skip
    assert status == expected, errors
    assert '1 of 2 bags are done' in errors
    assert [path.name for path in kept.iterdir()] == ['a.json']
    assert left == []


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--speed', '2'], 'give --live too'),
        (['--live', '--limit', '3'], 'leave --limit out'),
        (['--live', '--max', 'time_p95=3'], "no metric 'time_p95' here"),
        (['--max', 'latency_p95=3'], "no metric 'latency_p95' here"),
        (['--live', '--speed', '0'], 'out of range'),
        (['--live', '--jobs', '2'], 'two nodes on one machine'),
    ],
)
def test_what_is_refused(
    tmp_path: Path, tiny_model: Path, arguments: list[str], message: str
) -> None:
    bag = write_color_bag(tmp_path / 'bag', frames=2).path
    given = ['evaluate', str(bag), '--model', str(tiny_model), *arguments, *COMMON]
    found = CliRunner().invoke(app, given)
    assert isinstance(found.exception, DrivsegError), found.output
    assert message in str(found.exception)
