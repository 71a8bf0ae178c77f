# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Real nodes, real DDS: what a node does to its messages is what is measured of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import COMMAND, drivseg
from tiny_model import write_tiny_model

from drivseg_ros.bench.graph.benchmark import benchmark_graph
from drivseg_ros.bench.graph.messages import InputChoice
from drivseg_ros.bench.graph.node_under_test import NodeUnderTest
from drivseg_ros.bench.graph.options import GraphOptions
from drivseg_ros.bench.graph.session import Session, Setup
from drivseg_ros.bench.graph.table import markdown_table, summary_table
from drivseg_ros.bench.graph.trial import GraphLedger
from drivseg_ros.errors import DrivsegError

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

ROOT = Path(__file__).resolve().parents[3]
PEER = ROOT / 'test' / 'support' / 'graph_peer.py'
TEXTBOOK = ROOT / 'docs' / 'textbook_node.py'
ON_THE_TEXTBOOK = (
    f'textbook={{python}} {TEXTBOOK} --ros-args -p model:={{model}} -p threads:={{threads}} '
    "-p 'image_topics:={image_topics}' -p image_transport:={transport}"
)


def peer(*faults: object) -> NodeUnderTest:
    return NodeUnderTest(
        name='peer', command=('{python}', str(PEER), '{image_topics}', *map(str, faults))
    )


def setup(model: Path, **changes: Any) -> Setup:
    choice = {'width': 64, 'height': 48, 'frames': 2, **changes.pop('input', {})}
    return Setup(
        **{
            'input': InputChoice(**choice),
            'cameras': 1,
            'model': str(model),
            'threads': 1,
            **changes,
        }
    )


@pytest.fixture(autouse=True)
def in_no_domain(ros_domain: int) -> None:
    """The DDS profile of the tests; the session takes a domain of its own."""


def test_what_is_lost_doubled_and_made_up_is_measured(tmp_path: Path, tiny_model: Path) -> None:
    faulty = peer('--lose', 4, '--twice', 5, '--lie', 7)
    with Session(faulty, setup(tiny_model, cameras=2), tmp_path) as session:
        assert session.output_types == {
            f'/camera{n}/segmentation/mask': 'sensor_msgs/msg/Image' for n in (1, 2)
        }
        assert session.first_output_s > 0
        trial, usage = session.trial(20, seconds=2)
        again, _ = session.trial(20, seconds=1)
    for ledger in trial.by_camera:
        assert ledger.sent == 40
        # Every 4th; and every 7th, of which every 4th is lost already, comes with a false stamp.
        # Where counting began depends on the warm-up.
        assert 10 + 4 - 1 <= ledger.lost <= 10 + 5 + 1
        assert 4 <= ledger.unmatched <= 6
        assert 4 <= ledger.duplicate <= 8
        assert ledger.late == 0
    assert trial.verdict == 'node'
    assert again.ledger.sent == 2 * 20
    assert usage['memory_mb'] > 10
    assert usage['cpu_ms_by_output'] is not None


def test_a_slow_node_falls_behind_and_every_message_is_accounted_for(
    tmp_path: Path, tiny_model: Path
) -> None:
    with Session(peer('--work', 0.1), setup(tiny_model), tmp_path) as session:
        held, _ = session.trial(4, seconds=2)
        overloaded, _ = session.trial(40, seconds=2)
    assert held.ledger.lost == 0
    assert overloaded.ledger.sent == 80
    assert 0 < overloaded.ledger.received < 60
    assert overloaded.verdict == 'node'
    metrics = overloaded.metrics
    assert metrics['last_frame'] > metrics['first_frame']  # type: ignore[operator]
    assert metrics['latency_p50'] >= 100  # type: ignore[operator]


@pytest.mark.parametrize(
    ('command', 'expected'),
    [
        (('{python}', str(PEER), '{image_topics}', '--mute'), 'no output came for the images'),
        (
            ('{python}', '-c', 'import time; print("hi", flush=True); time.sleep(99)'),
            r'(?s)nobody publishes /camera1/segmentation/mask; it printed last:\nhi',
        ),
    ],
)
def test_a_silent_node(
    tmp_path: Path, tiny_model: Path, command: tuple[str, ...], expected: str
) -> None:
    silent = NodeUnderTest(name='silent', command=command)
    with (
        pytest.raises(DrivsegError, match=expected),
        Session(silent, setup(tiny_model, start_timeout_s=5.0), tmp_path),
    ):
        pass


def test_nodes_that_die_have_a_problem_and_the_others_go_on(tiny_model: Path) -> None:
    deaths = {
        'something terrible': ('{python}', str(PEER), '{image_topics}', '--die', '2'),
        'ended with exit status 0': ('{python}', '-c', 'print("bye")'),
        'no_such_program cannot be started': ('no_such_program',),
    }
    bad = [
        NodeUnderTest(name=f'bad{number}', command=command)
        for number, command in enumerate(deaths.values())
    ]
    options = GraphOptions(
        nodes=(*bad, peer()),
        model=str(tiny_model),
        threads=1,
        sizes=((64, 48),),
        rates_hz=(20.0,),
        peak=False,
        runs=1,
        duration_s=0.5,
        frames=1,
    )
    seen: list[tuple[int, int]] = []
    report = benchmark_graph(
        options,
        dds_profile='of the tests',
        on_progress=lambda done, total, _: seen.append((done, total)),
    )
    *dead, good = report['rows']
    for row, expected in zip(dead, deaths, strict=True):
        assert expected in row['problem']
        assert row['rates'] == []
        assert f'| {row["node"]} | cannot be run |' in markdown_table(report)
    assert good['problem'] == ''
    assert good['rates'][0]['ledger']['sent'] == 10
    assert seen[-1] == (4, 4)


def graph(*arguments: object) -> list[str]:
    return [*COMMAND, 'bench', 'graph', *map(str, arguments)]


def test_ours_and_the_textbook_node_side_by_side(tmp_path: Path) -> None:
    """The command: two cameras, JPEG, overlays as well, the peak and a fixed rate."""
    model = write_tiny_model(tmp_path / 'tiny.onnx')
    file = tmp_path / 'metrics' / 'graph.json'
    command = graph('--model', model, '--engine', 'onnxruntime', '--threads', 1)
    command += ['--node', ON_THE_TEXTBOOK, '--size', '64x48']
    command += ['--listen', 'mask', '--listen', 'overlay']
    command += ['--cameras', '2', '--transport', 'compressed', '--rate', '20', '--runs', '1']
    command += ['--duration', '1', '--probe', '0.3', '--highest', '20', '--lowest', '16']
    command += ['--images', '2', '--json', str(file)]
    run = subprocess.run(
        command, env=os.environ.copy(), capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(file.read_text())
    assert [row['node'] for row in report['rows']] == ['drivseg_ros', 'textbook']
    assert len({row['input']['sha256'] for row in report['rows']}) == 1
    for row in report['rows']:
        assert row['problem'] == ''
        assert row['peak']['probes']
        fixed = row['rates'][-1]
        assert (fixed['name'], fixed['rate_hz']) == ('20', 20)
        assert fixed['ledger']['sent'] == 2 * 20
        assert fixed['ledger']['received'] > 0
        GraphLedger(**fixed['ledger'])  # it adds up
        for name in ('latency_p50', 'age_p95', 'cpu_share', 'memory_mb'):
            assert fixed['metrics'][name] > 0
    assert report['model']['sha256']
    assert report['configuration']['nodes'][1]['command'][1] == str(TEXTBOOK)
    assert str(tmp_path) not in json.dumps(report)
    table = markdown_table(report)
    assert table.strip() in run.stdout
    widths = {line.count('|') for line in table.splitlines() if line.startswith('|')}
    assert len(widths) == 3  # three tables, no ragged row
    assert '| drivseg_ros | 20 |' in table
    assert '| drivseg_ros | 20 |' not in markdown_table(report, only=['peak'])
    ours, other = (row['rates'][-1]['metrics'] for row in report['rows'])
    both = f'| {ours["latency_p50"]:.1f} / {other["latency_p50"]:.1f} |'
    summary = summary_table(report)
    assert both in table
    assert both in summary
    assert '| drivseg_ros | 20 |' not in summary


@pytest.mark.parametrize(
    'number', [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_nothing_survives_its_end(tmp_path: Path, tiny_model: Path, number: int) -> None:
    """However it ends; Ctrl-C and SIGTERM leave the metrics so far."""
    file = tmp_path / 'graph.json'
    mark = tmp_path / 'mark'
    command = graph('--model', tiny_model, '--no-ours', '--no-peak', '--size', '64x48')
    command += ['--node', f'peer={{python}} {PEER} {{image_topics}} --note {mark}', '--rate']
    command += ['20', '--duration', '0.5', '--runs', '1000', '--images', '1', '--json', str(file)]
    process = subprocess.Popen(
        command, env=os.environ.copy(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    deadline = time.monotonic() + 60
    # The second time the node is there, a run is over.
    while not (mark.exists() and mark.read_text().count('\n') > 1):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    children = descendants(process.pid)
    assert len(children) >= 3
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    while left := [pid for pid in children if Path(f'/proc/{pid}').exists() and not zombie(pid)]:
        assert time.monotonic() < deadline + 30, left
        time.sleep(0.05)
    if number == signal.SIGKILL:
        return
    assert process.returncode == 128 + number, errors
    assert 'Traceback' not in errors
    report = json.loads(file.read_text())
    assert report['interrupted'] == 128 + number
    runs = report['rows'][0]['rates'][0]['runs']
    assert 1 <= len(runs) < 1000


def descendants(pid: int) -> set[int]:
    found = set()
    for folder in Path('/proc').iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / 'stat').read_text().rpartition(')')[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found |= {int(folder.name)} | descendants(int(folder.name))
    return found


def zombie(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] == 'Z'
    except OSError:
        return True


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (['--no-ours'], 'there is no node to measure'),
        (['--node', 'x'], 'write NAME=COMMAND'),
        (['--node', 'drivseg_ros=x'], 'two nodes have one name'),
        (['--node-output', 'p=/x'], "names the node 'p', which no --node is called"),
        (['--node-input', '/x'], 'write NAME=/TOPIC'),
        (['--cameras', '1', '--cameras', '1'], '--cameras 1 is given twice'),
        (['--size', 'big'], 'write it like 1280x720'),
        (['--transport', 'rtp'], "transport 'rtp' is unknown"),
        (['--listen', 'musk'], "output 'musk' is unknown"),
        (['--model', 'nothing'], "no model is called 'nothing'"),
    ],
)
def test_refusals(tiny_model: Path, arguments: list[str], expected: str) -> None:
    done = drivseg('bench', 'graph', '--model', tiny_model, *arguments)
    assert done.returncode == 1
    assert expected in done.stderr.replace('\n', ' ')
