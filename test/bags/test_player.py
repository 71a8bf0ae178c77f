# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The player, heard by a real subscriber over DDS."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from bag_files import IMAGE, STRING, Cdr, Sample, samples, write_rosbag1, write_rosbag2

from drivseg_ros.bags.player import PlayOptions, play
from drivseg_ros.bags.qos import LATCHED, TopicQos, to_rosbags
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.typestore import TypeDefinition
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import BagError, ParameterError

# Every image is waited for; the pauses of 50 ms shrink to 10.
FAST = {'speed': 5.0, 'wait_for_subscribers_s': 20.0}


def headers(heard: list[bytes]) -> list[int]:
    return [
        int.from_bytes(d[4:8], 'little') * 10**9 + int.from_bytes(d[8:12], 'little') for d in heard
    ]


def test_bytes_arrive_in_order_and_the_log_tells_when(
    tmp_path: Path, listener: Any, aside: Callable[..., Any]
) -> None:
    from sensor_msgs.msg import Image
    from std_msgs.msg import String

    wanted = samples(20)
    listener.listen('/cam/image_raw', Image)
    listener.listen('/elsewhere', String)
    before_ns = time.time_ns()
    with BagReader(write_rosbag2(tmp_path / 'bag', wanted)) as reader:
        options = PlayOptions(**FAST, remap={'/note': '/elsewhere'}, log=tmp_path / 'log.jsonl')
        playing = aside(play, reader, options)
        listener.spin_until(lambda: not playing.running, 'the end')
        report = playing.result()
        listener.spin_until(lambda: len(listener.heard['/cam/image_raw']) >= 20, 'images')
        listener.spin_until(lambda: len(listener.heard['/elsewhere']) >= 10, 'notes')
    images = [s for s in wanted if s.msgtype == IMAGE]
    assert listener.heard['/cam/image_raw'] == [s.data for s in images]
    notes = [s.data for s in wanted if s.msgtype == STRING]
    # On its way between participants a payload is filled up to a multiple of four bytes.
    assert [h.rstrip(b'\0') for h in listener.heard['/elsewhere']] == [
        n.rstrip(b'\0') for n in notes
    ]
    assert report.published == {'/cam/image_raw': 20, '/note': 10}
    assert (report.passes, report.stopped, report.skipped) == (1, False, {})
    rows = [json.loads(line) for line in (tmp_path / 'log.jsonl').read_text().splitlines()]
    assert [(r['bag_time_ns'], r['stamp_ns']) for r in rows] == [
        (s.time_ns, s.stamp_ns) for s in wanted
    ]
    assert [r['topic'] for r in rows] == [
        '/cam/image_raw' if s.msgtype == IMAGE else '/elsewhere' for s in wanted
    ]
    # One absolute schedule at five times the speed; nothing is published before its moment.
    first = rows[0]
    for row in rows:
        after = (row['bag_time_ns'] - first['bag_time_ns']) / 5
        assert row['due_ns'] - first['due_ns'] == pytest.approx(after, abs=1000)
        assert before_ns < row['due_ns'] <= row['published_ns'] + 1_000_000
        assert row['pass'] == 1


def test_clock_grows_in_each_pass_and_the_recorded_one_is_left_out(
    tmp_path: Path, listener: Any, aside: Callable[..., Any]
) -> None:
    from rosgraph_msgs.msg import Clock
    from sensor_msgs.msg import Image

    data = Cdr().number('i', 1).number('I', 1).done()
    strange = Sample('/clock', 'rosgraph_msgs/msg/Clock', samples(1)[0].time_ns, data, None, b'')
    listener.listen('/clock', Clock, 1000)
    listener.listen('/cam/image_raw', Image)
    wanted = samples(10)
    with BagReader(write_rosbag2(tmp_path / 'bag', [strange, *wanted])) as reader:
        options = PlayOptions(**FAST, loop=True, clock_hz=200.0)
        playing = aside(play, reader, options)
        listener.spin_until(lambda: len(listener.heard['/cam/image_raw']) >= 25, 'the third pass')
        playing.stop.request()
        report = playing.result()
    assert report.passes >= 3
    assert report.stopped
    assert list(report.skipped) == ['/clock']
    images = [s.data for s in wanted if s.msgtype == IMAGE]
    for i, data in enumerate(listener.heard['/cam/image_raw']):
        assert data == images[i % 10]
    times = headers([d[:4] + d[4:12] for d in listener.heard['/clock']])
    starts = [0] + [i for i in range(1, len(times)) if times[i] <= times[i - 1]]
    assert len(starts) == report.passes
    for begin, end in zip(starts, [*starts[1:], len(times)], strict=True):
        one = times[begin:end]
        assert one[0] == wanted[0].time_ns
        # 200 Hz at five times the speed: every 25 ms of the bag.
        assert all(b - a == 25_000_000 for a, b in pairwise(one))


def test_offers_are_those_recorded(
    tmp_path: Path, listener: Any, aside: Callable[..., Any]
) -> None:
    from drivseg_ros.bags.live import from_rclpy

    offers = {'/a': LATCHED, '/b': TopicQos('best_effort', depth=2), '/c': None}
    made = tmp_path / 'bag'
    with BagWriter(made) as writer:
        for name, qos in offers.items():
            writer.add_topic(name, STRING, qos=qos)
            writer.write(name, 1, Cdr().string('x').done())
            writer.write(name, 3_600_000_000_001, Cdr().string('y').done())
    with BagReader(made) as reader:
        playing = aside(play, reader, PlayOptions())
        node = listener.node
        for name, qos in offers.items():
            listener.spin_until(lambda n=name: bool(node.get_publishers_info_by_topic(n)), name)
            (found,) = node.get_publishers_info_by_topic(name)
            seen, wanted = from_rclpy(found.qos_profile), qos or TopicQos()
            assert (seen.reliability, seen.durability) == (wanted.reliability, wanted.durability)
        # Who comes late gets what is latched.
        from rclpy.qos import DurabilityPolicy, QoSProfile
        from std_msgs.msg import String

        late = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        listener.spin_until(lambda: 'playing' in playing.notes, 'the start')
        listener.listen('/a', String, late)
        listener.spin_until(lambda: bool(listener.heard['/a']), 'the latched message')
        playing.stop.request()
        assert playing.result().stopped


def test_types_that_are_not_here_or_are_others_are_skipped_and_named(
    tmp_path: Path, listener: Any, aside: Callable[..., Any]
) -> None:
    from std_msgs.msg import String

    listener.listen('/note', String)
    unknown = TypeDefinition('our_msgs/msg/Speed', 'float32 speed\n', 'RIHS01_' + '0' * 64)
    other = TypeDefinition('std_msgs/msg/Bool', 'string data\n', 'RIHS01_' + '0' * 64)
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/speed', unknown.msgtype, definition=unknown)
        writer.add_topic('/flag', other.msgtype, definition=other)
        writer.add_topic('/note', STRING)
        for i, topic in enumerate(('/speed', '/flag', '/note')):
            writer.write(topic, 5_000_000_000 + i, Cdr().string('x').done())
    with BagReader(tmp_path / 'bag') as reader:
        playing = aside(play, reader, PlayOptions(delay_s=1.0))
        listener.spin_until(lambda: bool(listener.heard['/note']), 'the note')
        report = playing.result()
        assert report.published == {'/note': 1}
        assert 'pip install ros-our-msgs' in report.skipped['/speed']
        assert 'other fields than the installed one' in report.skipped['/flag']
        assert len([t for t in playing.notes if 'is not played' in t]) == 2
        with pytest.raises(BagError, match=r'nothing of bag .* can be played: /speed: .*our-msgs'):
            aside(play, reader, PlayOptions(topics=('/speed',))).result()


def test_a_ros1_bag_is_played(tmp_path: Path, listener: Any, aside: Callable[..., Any]) -> None:
    from sensor_msgs.msg import Image

    listener.listen('/cam/image_raw', Image)
    with BagReader(write_rosbag1(tmp_path / 'a.bag', samples(4))) as reader:
        playing = aside(play, reader, PlayOptions(**FAST))
        listener.spin_until(lambda: len(listener.heard['/cam/image_raw']) == 4, 'images')
        playing.result()
    assert listener.heard['/cam/image_raw'] == [s.data for s in samples(4) if s.msgtype == IMAGE]


ERRORS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    'no such topic': ({'topics': ('/x',)}, BagError, r"no topic '/x'; it has /cam/image_raw"),
    'no such topic to remap': ({'remap': {'/x': '/y'}}, BagError, r"no topic '/x'"),
    'a bad name': ({'remap': {'/note': '/a b'}}, BagError, r"'/a b' is no topic name .* --remap"),
    'nobody listens': (
        {'wait_for_subscribers_s': 0.2},
        BagError,
        r'nobody subscribed to /cam/image_raw within 0.2 s; start the subscriber',
    ),
    'no place for the log': ({'log': Path('/nowhere/x')}, BagError, r'log .* cannot be written'),
    'no room for the log': (
        {'log': Path('/dev/full')},
        BagError,
        r"log '/dev/full' cannot be written \(No space left on device\); make room",
    ),
    'speed': ({'speed': 0.0}, ParameterError, r'speed 0.0 is out of range; 0.001 to 1000'),
    'clock': ({'clock_hz': -1.0}, ParameterError, r'clock rate -1.0 is out of range'),
    'delay': ({'delay_s': float('nan')}, ParameterError, r'delay nan is out of range'),
}


@pytest.mark.parametrize('name', ERRORS)
def test_what_cannot_be_played_is_an_error(
    name: str, tmp_path: Path, ros_domain: int, aside: Callable[..., Any]
) -> None:
    options, kind, text = ERRORS[name]
    with (
        BagReader(write_rosbag2(tmp_path / 'bag', samples(2))) as reader,
        pytest.raises(kind, match=text),
    ):
        aside(play, reader, PlayOptions(**options)).result()


@pytest.mark.parametrize(
    'number', [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_signal_ends_the_command_in_good_order(
    number: signal.Signals, tmp_path: Path, listener: Any, command: Callable[..., Any]
) -> None:
    from sensor_msgs.msg import Image

    listener.listen('/cam/image_raw', Image)
    bag = write_rosbag2(
        tmp_path / 'bag', samples(40), qos=[to_rosbags(TopicQos())], storage='sqlite3'
    )
    log = tmp_path / 'log.jsonl'
    player = command('play', bag, '--loop', '--wait-for-subscribers', 20, '--log', log, '--clock')
    listener.spin_until(lambda: len(listener.heard['/cam/image_raw']) > 5, 'images')
    player.send(number)
    assert player.status() == 0
    assert 'Traceback' not in player.text
    assert 'stopped: ' in player.text
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    images = sum(r['topic'] == '/cam/image_raw' for r in rows)
    listener.spin_until(lambda: len(listener.heard['/cam/image_raw']) >= images - 1, 'the last')


def test_the_command_says_what_is_wrong_in_one_line(
    tmp_path: Path, ros_domain: int, command: Callable[..., Any]
) -> None:
    player = command('play', tmp_path / 'none')
    assert player.status() == 1
    assert "there is no bag at '" in player.text
    assert 'Traceback' not in player.text


def test_a_bag_without_messages_ends_with_1(
    tmp_path: Path, ros_domain: int, command: Callable[..., Any]
) -> None:
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/note', STRING)
    playing = command('play', tmp_path / 'bag')
    assert playing.status() == 1
    assert 'has no message on the topics to play' in playing.text
