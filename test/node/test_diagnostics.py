# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""/diagnostics: what it tells, at which level, and when others do not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from node_harness import Live, Peer, keys, make_image, wait_for
from rclpy.context import Context
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage

from drivseg_ros.base.diagnostics import STAGES
from drivseg_ros.model.file import read_model_file

MakeLive = Callable[..., Live]
OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
LONG_S = 3600.0  # nothing is stale within a test


def wait_logged(capfd: pytest.CaptureFixture[str], text: str) -> str:
    """Waits until a text is logged, and returns all that was."""
    logged: list[str] = []

    def find() -> bool:
        logged.append(capfd.readouterr().err)
        return text in ''.join(logged)

    wait_for(find, f'the log says {text!r}')
    return ''.join(logged)


def test_engine_status(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    make_live(model=str(tiny_model), threads=1, node={'dds_profile': 'some.xml'}).wait_active()
    status = peer.wait_status('engine', lambda s: s.message == 'active', 'the engine')
    assert (status.name, status.level, status.hardware_id) == ('segmentation: engine', OK, 'cpu')
    values = keys(status)
    expected = {
        'node state': 'active',
        'model': 'tiny',
        'model file': str(tiny_model),
        'model sha256': read_model_file(tiny_model).sha256,
        'engine': 'onnxruntime',
        'device': 'cpu',
        'precision': 'fp32',
        'threads': '1',
        'DDS profile': 'some.xml',
    }
    assert expected.items() <= values.items()
    assert float(values['memory (MB)']) > 1


def test_camera_status(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    live = make_live(model=str(tiny_model), stale_after_s=LONG_S).wait_active()
    peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    for seed in range(3):
        camera.send(make_image(seed))
        wait_for(lambda: live.counts().processed == seed + 1, 'the mask')  # noqa: B023
    status = peer.wait_status(
        'camera', lambda s: keys(s)['frames processed'] == '3', 'three frames'
    )
    assert (status.name, status.level) == ('segmentation: camera /image', OK)
    assert status.hardware_id == '/image'
    values = keys(status)
    ledger = {
        'offered': '3', 'processed': '3', 'dropped': '0', 'failed': '0', 'skipped': '0',
        'waiting': '0',
    }  # fmt: skip
    assert {f'frames {name}': count for name, count in ledger.items()}.items() <= values.items()
    assert values['last error'] == 'none'
    assert float(values['rate in (Hz)']) > 0 < float(values['rate out (Hz)'])
    assert float(values['age of newest output (s)']) > LONG_S  # the stamps are of 2020
    for stage in STAGES:
        assert 0 <= float(values[f'{stage} p50 (ms)']) <= float(values[f'{stage} p95 (ms)'])


def test_failing_camera_is_an_error(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    topics = ['/a/image', '/b/image']
    live = make_live(model=str(tiny_model), image_topics=topics, stale_after_s=LONG_S).wait_active()
    peer.listen('/a/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/a/image').wait_subscribed()
    broken = make_image(0)
    broken.encoding = 'rgb7'
    camera.send(broken)
    status = peer.wait_status('camera /a', lambda s: s.level == ERROR, 'an error')
    assert status.message.startswith('frames fail: ')
    assert "'rgb7'" in keys(status)['last error']
    assert keys(status)['frames failed: encoding'] == '1'
    peer.wait_status('camera /b', lambda s: s.level == OK, 'the other camera is well')
    camera.send(make_image(1))
    status = peer.wait_status('camera /a', lambda s: s.level == WARN, 'a warning for a while')
    assert status.message.startswith('some frames fail: ')


def test_silence_is_explained(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    make_live(model=str(tiny_model), stale_after_s=0.05).wait_active()
    text = 'nobody publishes /image: check image_topics'
    status = peer.wait_status('camera', lambda s: text in s.message, text)
    assert status.level == WARN
    peer.camera('/image')
    text = 'a publisher is matched but nothing arrives'
    status = peer.wait_status('camera', lambda s: text in s.message, text)
    assert status.level == WARN
    assert 'config/dds/fastdds_images.xml' in status.message
    assert 'FASTDDS_DEFAULT_PROFILES_FILE' in status.message


def test_publisher_of_another_type_is_named(
    make_live: MakeLive, peer: Peer, tiny_model: Path
) -> None:
    make_live(model=str(tiny_model), stale_after_s=0.05).wait_active()
    context = Context()  # Fast DDS refuses two types of one name within a participant
    rclpy.init(context=context)
    other = rclpy.create_node('other', context=context)
    other.create_publisher(CompressedImage, '/image', 1)
    text = '/image carries sensor_msgs/msg/CompressedImage; needed is sensor_msgs/msg/Image'
    status = peer.wait_status('camera', lambda s: text in s.message, text)
    assert status.level == WARN
    other.destroy_node()
    context.shutdown()


def test_stale_output(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    live = make_live(model=str(tiny_model), stale_after_s=0.2).wait_active()
    peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    now_s = live.node.now_s()
    message = make_image(0)
    message.header.stamp = Time(sec=int(now_s) - 60)
    peer.watch_diagnostics()

    def find() -> DiagnosticStatus | None:
        camera.send(message)  # again and again, or the silence would be what is wrong
        statuses = [s for array in peer.diagnostics for s in array.status]
        return next((s for s in statuses if s.message.startswith('stale: the stamp')), None)

    status = wait_for(find, 'a warning')
    assert status.level == WARN
    assert 60 < float(keys(status)['age of newest output (s)']) < 3600


def test_skipping_and_inactive_are_shown(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    live = make_live(model=str(tiny_model), stale_after_s=LONG_S).wait_active()
    peer.camera('/image').wait_subscribed().send(make_image(0))
    status = peer.wait_status('camera', lambda s: 'nobody subscribes' in s.message, 'skipping')
    assert status.level == OK
    assert live.node.trigger_deactivate().name == 'SUCCESS'
    status = peer.wait_status('camera', lambda s: s.message == 'inactive', 'inactive')
    assert status.level == OK
    peer.wait_status('engine', lambda s: s.message == 'inactive', 'inactive')


def test_camera_with_another_qos_is_named(
    make_live: MakeLive, peer: Peer, tiny_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make_live(model=str(tiny_model), qos_reliability='reliable', stale_after_s=0.05).wait_active()
    peer.camera('/image', qos=QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    expected = (
        'QoS: /peer offers best_effort, volatile, but the subscription asks for reliable, '
        'volatile; set the parameter qos_reliability to best_effort'
    )
    status = peer.wait_status('camera', lambda s: expected in s.message, 'the QoS')
    assert status.level == WARN
    logged = wait_logged(capfd, f'/image: a publisher is not heard. {expected}')
    assert '[WARN]' in logged


def test_subscriber_with_another_qos_is_named(
    make_live: MakeLive,
    peer: Peer,
    ros_context: Context,
    tiny_model: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    make_live(model=str(tiny_model)).wait_active()
    # One that fits, and is not at fault.
    fitting = Peer(ros_context, 'fitting')
    try:
        fitting.listen('/segmentation/mask')
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        peer.listen('/segmentation/mask', qos=latched)
        expected = (
            '/segmentation/mask: a subscriber gets nothing. QoS: /peer asks for reliable, '
            'transient_local, but the publisher offers reliable, volatile; set the parameter '
            'qos_overrides./segmentation/mask.publisher.durability to transient_local'
        )
        wait_logged(capfd, expected)
    finally:
        fitting.close()


def test_qos_overrides(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    overrides = {
        'qos_overrides./segmentation/mask.publisher.durability': 'transient_local',
        'qos_overrides./image.subscription.reliability': 'reliable',
        'qos_overrides./image.subscription.depth': 3,
    }
    live = make_live(
        model=str(tiny_model), qos_reliability='best_effort', **overrides
    ).wait_active()
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    masks = peer.listen('/segmentation/mask', qos=latched)
    live.wait_wanted('mask')
    peer.camera('/image').wait_subscribed().send(make_image(0))
    wait_for(lambda: masks, 'the mask')
    (info,) = peer.node.get_subscriptions_info_by_topic('/image')
    assert info.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert peer.get('qos_overrides./image.subscription.depth') == 3


def test_silence_is_measured_whatever_the_clock_does(
    make_live: MakeLive, peer: Peer, tiny_model: Path
) -> None:
    make_live(model=str(tiny_model), use_sim_time=True, stale_after_s=0.05).wait_active()
    clock = peer.node.create_publisher(Clock, '/clock', 1)
    clock.publish(Clock(clock=Time(sec=1_700_000_000)))  # it starts late
    peer.wait_status('engine', lambda s: s.level == OK, 'there is a /clock')
    for _ in range(3):
        status = peer.wait_status('camera', lambda s: 'no frame for' in s.message, 'silence')
        assert float(status.message.split()[3]) < 60


def test_two_robots_have_two_names(make_live: MakeLive, peer: Peer, tiny_model: Path) -> None:
    make_live(model=str(tiny_model), node={'namespace': '/robot1'}).wait_active()
    status = peer.wait_status('engine', lambda s: s.message == 'active', 'the engine')
    assert status.name == 'robot1/segmentation: engine'
    peer.wait_status('robot1/segmentation: camera /robot1/image', lambda s: True, 'the camera')


def test_greenwave_monitor_finds_its_keys(
    make_live: MakeLive, peer: Peer, tiny_model: Path
) -> None:
    live = make_live(model=str(tiny_model), stale_after_s=LONG_S).wait_active()
    camera = peer.camera('/image').wait_subscribed()
    now = peer.node.get_clock().now().nanoseconds // 10**9
    for number in range(5):
        message = make_image(0)
        message.header.stamp = Time(sec=now - 10, nanosec=number * 100_000_000)
        camera.send(message)
        wait_for(lambda: live.counts().offered == number + 1, 'the frame')  # noqa: B023
    status = peer.wait_status(
        'camera', lambda s: keys(s)['frame_rate_msg'] == '10.0', 'the rate by stamps'
    )
    values = keys(status)
    assert values['frame_rate_node'] == values['rate in (Hz)']
    assert 5000 < float(values['current_delay_from_realtime_ms']) < 60_000


def test_time_that_stands_still_or_jumps_back(
    make_live: MakeLive, peer: Peer, tiny_model: Path
) -> None:
    live = make_live(model=str(tiny_model), use_sim_time=True, stale_after_s=5.0).wait_active()
    status = peer.wait_status('engine', lambda s: s.level == WARN, 'no /clock')
    assert 'no /clock arrives' in status.message
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    clock = peer.node.create_publisher(Clock, '/clock', 1)

    def set_time(seconds: int) -> None:
        def is_set() -> bool:
            clock.publish(Clock(clock=Time(sec=seconds)))
            return live.node.now_s() == seconds

        wait_for(is_set, f'the time is {seconds}')

    def send(seconds: int, count: int) -> None:
        message = make_image(0)
        message.header.stamp = Time(sec=seconds)
        camera.send(message)
        wait_for(lambda: len(masks) == count, 'the mask')

    def age(status: DiagnosticStatus) -> str:
        return keys(status)['age of newest output (s)']

    set_time(1000)
    send(1000, 1)
    peer.wait_status('engine', lambda s: s.level == OK, 'there is a /clock')
    status = peer.wait_status('camera', lambda s: age(s) == '0.000', 'fresh')
    assert status.level == OK
    for _ in range(3):  # time stands still: no stamp grows old, and diagnostics go on
        status = peer.wait_status('camera', lambda s: True, 'diagnostics')
        assert (status.level, age(status)) == (OK, '0.000')
    set_time(1010)
    peer.wait_status('camera', lambda s: s.level == WARN and age(s) == '10.000', 'stale')
    set_time(100)
    status = peer.wait_status('camera', lambda s: age(s) == 'none', 'ages begin anew')
    assert status.level == OK
    send(100, 2)
    status = peer.wait_status('camera', lambda s: age(s) == '0.000', 'fresh')
    assert (status.level, keys(status)['frames processed']) == (OK, '2')
