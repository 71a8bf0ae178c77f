# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The recorder, with real publishers over DDS."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bag_files import image_sample, text_sample

from drivseg_ros.bags.live import installed_definition, message_class, ros_node
from drivseg_ros.bags.qos import TopicQos
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.recorder import RecordOptions, record
from drivseg_ros.bags.typestore import define, standard_types
from drivseg_ros.errors import BagError, MissingDependencyError, ParameterError


def test_messages_are_kept_byte_for_byte_with_the_time_of_receipt(
    tmp_path: Path, listener: Any, aside: Callable[..., Any]
) -> None:
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import Image
    from std_msgs.msg import String

    recording = aside(
        record, RecordOptions(('/cam/image_raw', 'note'), tmp_path / 'bag', duration_s=0)
    )
    best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    images = listener.node.create_publisher(Image, '/cam/image_raw', 100)
    listener.spin_until(lambda: images.get_subscription_count() == 1, 'the recorder')
    before_ns = time.time_ns()
    for i in range(20):
        images.publish(image_sample(i).data)
    # A second topic that comes later, with another quality of service.
    notes = listener.node.create_publisher(String, '/note', best_effort)
    listener.spin_until(lambda: notes.get_subscription_count() == 1, 'the recorder')
    listener.spin_until(lambda: len(recording.notes) == 2, 'the news')
    notes.publish(text_sample(0, 'late').data)
    images.wait_for_all_acked()
    time.sleep(0.2)
    recording.stop.request()
    report = recording.result()
    after_ns = time.time_ns()
    assert report.counts == {'/cam/image_raw': 20, '/note': 1}
    with BagReader(tmp_path / 'bag') as reader:
        assert reader.unfinished == ''
        got = list(reader.messages())
        assert [m.data for m in got if m.topic == '/cam/image_raw'] == [
            image_sample(i).data for i in range(20)
        ]
        (note,) = reader.messages(['/note'])
        assert note.message.data == 'late'
        times = [m.time_ns for m in got]
        assert before_ns < times[0]
        assert times == sorted(times)
        assert times[-1] < after_ns
        assert reader.topics['/cam/image_raw'].qos == (TopicQos('reliable', 'volatile', 10),)
        assert reader.topics['/note'].qos[0].reliability == 'best_effort'
        (found,) = listener.node.get_publishers_info_by_topic('/cam/image_raw')
        assert reader.topics['/cam/image_raw'].definition.hash == str(found.topic_type_hash)


def test_what_was_latched_before_is_recorded(
    tmp_path: Path, listener: Any, aside: Callable[..., Any]
) -> None:
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from std_msgs.msg import String

    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    notes = listener.node.create_publisher(String, '/note', latched)
    notes.publish(text_sample(0, 'early').data)
    ready: list[bool] = []
    recording = aside(
        record,
        RecordOptions(('/note',), tmp_path / 'bag', duration_s=1.0, wait_s=20),
        ready=lambda: ready.append(True),
    )
    assert recording.result().counts == {'/note': 1}
    assert ready == [True]
    with BagReader(tmp_path / 'bag') as reader:
        assert next(reader.messages()).message.data == 'early'
        assert reader.topics['/note'].qos[0].durability == 'transient_local'


def test_nobody_publishes(tmp_path: Path, ros_domain: int, aside: Callable[..., Any]) -> None:
    with pytest.raises(BagError, match=r'nobody publishes /a, /b \(waited 0.2 s\)'):
        aside(record, RecordOptions(('/a', '/b'), tmp_path / 'bag', wait_s=0.2)).result()
    recording = aside(record, RecordOptions(('/a',), tmp_path / 'other'))
    recording.stop.request()
    assert recording.result().counts == {'/a': 0}
    assert list(tmp_path.iterdir()) == []  # nothing that is in the way of the next try


def test_publishers_that_disagree_are_named(
    tmp_path: Path, listener: Any, aside: Callable[..., Any]
) -> None:
    from std_msgs.msg import Bool, String

    listener.node.create_publisher(Bool, '/a', 1)
    with ros_node('other') as other:
        other.create_publisher(String, '/a', 1)
        recording = aside(record, RecordOptions(('/a',), tmp_path / 'bag'))
        listener.spin_until(lambda: len(recording.notes) == 2, 'the news')
        recording.stop.request()
        recording.result()
    found, disputed = recording.notes
    assert found.startswith('found /a (std_msgs/msg/')
    assert disputed.startswith('/a is published with several types: std_msgs/msg/')
    assert 'Bool' in disputed
    assert 'String' in disputed


@pytest.mark.parametrize(
    'number', [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_signal_ends_the_command_and_the_bag_is_whole(
    number: signal.Signals, tmp_path: Path, listener: Any, command: Callable[..., Any]
) -> None:
    from sensor_msgs.msg import Image

    images = listener.node.create_publisher(Image, '/cam/image_raw', 100)
    recorder = command('record', '/cam/image_raw', '--output', tmp_path / 'bag')
    recorder.wait_for('recording 1 topics')
    listener.spin_until(lambda: images.get_subscription_count() == 1, 'the recorder')
    for i in range(30):
        images.publish(image_sample(i).data)
    images.wait_for_all_acked()
    recorder.send(number)
    assert recorder.status() == 0
    assert 'Traceback' not in recorder.text
    with BagReader(tmp_path / 'bag') as reader:
        assert reader.unfinished == ''
        assert [m.data for m in reader.messages()] == [image_sample(i).data for i in range(30)]


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ({'topics': ()}, 'no topic is given'),
        ({'topics': ('/a', '/a')}, 'a topic is given twice'),
        ({'duration_s': -1.0}, 'duration -1.0 s is not possible'),
        ({'wait_s': float('inf')}, 'wait inf s is not possible'),
        ({'depth': 0}, 'must be 1 or more'),
    ],
)
def test_options_are_checked(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        RecordOptions(**{'topics': ('/a',), 'output': Path('x'), **change})


@pytest.mark.parametrize(
    'msgtype',
    [
        'sensor_msgs/msg/Image',
        'sensor_msgs/msg/CompressedImage',
        'sensor_msgs/msg/CameraInfo',
        'sensor_msgs/msg/NavSatFix',
        'diagnostic_msgs/msg/DiagnosticArray',
        'rcl_interfaces/msg/ParameterDescriptor',
        'std_msgs/msg/Byte',
        'std_msgs/msg/Empty',
        'std_msgs/msg/UInt8MultiArray',
        'geometry_msgs/msg/PoseWithCovarianceStamped',
    ],
)
def test_definitions_from_classes_have_the_hash_of_those_of_the_distribution(msgtype: str) -> None:
    pytest.importorskip('rclpy')
    assert installed_definition(msgtype).hash == define(standard_types(), msgtype).hash


def test_a_type_that_is_not_installed_names_its_package() -> None:
    with pytest.raises(MissingDependencyError, match='pip install ros-our-own-msgs'):
        message_class('our_own_msgs/msg/Speed')
    with pytest.raises(MissingDependencyError, match='pip install ros-std-msgs'):
        message_class('std_msgs/msg/NotThere')
    for name in ('Image', '', 'a/b/c/D', '../x/msg/Y'):
        with pytest.raises(MissingDependencyError, match=f"'{name}' is no message type of ROS 2"):
            message_class(name)
