# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The small parts: names, stamps, QoS, calibration, the hand-over queue, stopping."""

from __future__ import annotations

import datetime
import os
import queue
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivseg_ros.bags.calibration import Calibration, read_calibration
from drivseg_ros.bags.handover import Handover
from drivseg_ros.bags.qos import (
    LATCHED,
    TopicQos,
    from_rosbags,
    offer_for,
    parse_offers,
    request_for,
    to_rosbags,
)
from drivseg_ros.bags.stamps import read_stamps, stamp_at
from drivseg_ros.base.interruption import (
    StopFlag,
    Terminated,
    exit_status,
    orderly_end,
    stop_on_signals,
)
from drivseg_ros.base.natural import natural_key
from drivseg_ros.errors import BagError, DrivsegError, ParameterError


def test_natural_order() -> None:
    numbers = [f'frame{i}.png' for i in range(200)]
    assert sorted(sorted(numbers), key=natural_key) == numbers
    assert sorted(['a10', 'a2', 'A1', 'b', '10', '9'], key=natural_key) == (
        ['9', '10', 'A1', 'a2', 'a10', 'b']
    )


@given(st.lists(st.text()))
def test_natural_order_is_an_order_of_any_names(names: list[str]) -> None:
    backwards = names[::-1]
    assert sorted(backwards, key=natural_key) == sorted(names, key=natural_key)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stamp=st.integers(0, 2**62))
def test_stamps_are_read_to_the_nanosecond(stamp: int, tmp_path: Path) -> None:
    seconds, nanoseconds = divmod(stamp, 10**9)
    forms = [f'{seconds}.{nanoseconds:09d}']
    if len(str(stamp)) >= 16:
        forms.append(str(stamp))
    if seconds < 32503680000:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        forms.append(f'{moment:%Y-%m-%d %H:%M:%S}.{nanoseconds:09d}')
    for form in forms:
        (tmp_path / 't').write_text(form + '\n\n')
        assert read_stamps(tmp_path / 't') == [stamp], form


@pytest.mark.parametrize(
    'line',
    [
        '',
        'x',
        '12',
        '-1.5',
        '1e9',
        '2011-13-01 00:00:00',
        '2011-02-29 00:00:00',
        '2011-02-28 24:00:00',
        '1969-12-31 23:59:59',
        '99999999999999999999',
        '9999999999999999999',
    ],
)
def test_what_is_no_time_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / 't').write_text(line)
    with pytest.raises(BagError, match=r"allowed in every line: '2011-09-26"):
        read_stamps(tmp_path / 't')


def test_no_error_adds_up_in_stamps() -> None:
    assert stamp_at(30_000_000, rate_hz=30, start_ns=7) == 10**6 * 10**9 + 7


@pytest.mark.parametrize('reliability', ['reliable', 'best_effort'])
@pytest.mark.parametrize('durability', ['volatile', 'transient_local'])
def test_qos_there_and_back(reliability: str, durability: str) -> None:
    qos = TopicQos(reliability, durability, 4)
    assert from_rosbags(to_rosbags(qos)) == qos


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ({'reliability': 'perhaps'}, "'perhaps' is unknown; allowed: reliable, best_effort"),
        ({'durability': 'long'}, "'long' is unknown; allowed: volatile, transient_local"),
        ({'depth': 0}, 'depth 0 is too small'),
    ],
)
def test_qos_is_checked(change: dict[str, object], text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        TopicQos(**change)  # type: ignore[arg-type]


def test_qos_as_fast_dds_discovers_it() -> None:
    # rosbag2 writes this of every publisher (test resources of rosbag2, metadata version 4).
    text = (
        '- history: 3\n  depth: 0\n  reliability: 1\n  durability: 1\n'
        '  deadline:\n    sec: 2147483647\n    nsec: 4294967295\n'
        '  lifespan:\n    sec: 2147483647\n    nsec: 4294967295\n  liveliness: 1\n'
        '  liveliness_lease_duration:\n    sec: 2147483647\n    nsec: 4294967295\n'
        '  avoid_ros_namespace_conventions: false'
    )
    assert parse_offers(text) == (TopicQos('reliable', 'transient_local', 10),)
    assert parse_offers('') == parse_offers('- {') == parse_offers('- depth: 1') == ()


BEST_EFFORT = TopicQos('best_effort', depth=3)


@pytest.mark.parametrize(
    ('offers', 'offer', 'asked'),
    [
        ((), TopicQos(), TopicQos('best_effort', depth=9)),
        ((BEST_EFFORT,), BEST_EFFORT, TopicQos('best_effort', depth=9)),
        ((LATCHED,), LATCHED, TopicQos('reliable', 'transient_local', 9)),
        ((BEST_EFFORT, LATCHED), TopicQos(), TopicQos('best_effort', depth=9)),
        ((TopicQos(depth=2), TopicQos(depth=7)), TopicQos(depth=7), TopicQos(depth=9)),
    ],
)
def test_qos_of_player_and_recorder(
    offers: tuple[TopicQos, ...], offer: TopicQos, asked: TopicQos
) -> None:
    assert offer_for(offers) == offer
    assert request_for(offers, depth=9) == asked


YAML = """
image_width: 640
image_height: 480
camera_name: narrow
camera_matrix: {rows: 3, cols: 3, data: [430, 0, 306, 0, 431, 227, 0, 0, 1]}
distortion_model: rational_polynomial
distortion_coefficients: {rows: 1, cols: 2, data: [-0.3, 0.1]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [360, 0, 304, 0, 0, 409, 223, 0, 0, 0, 1, 0]}
"""
KITTI = 'calib_time: 09-Jan-2012\nS_rect_02: 1.242e+03 3.75e+02\nP_rect_02: ' + ' '.join(
    f'{x}.5e0' for x in range(12)
)


def test_calibrations_are_read(tmp_path: Path) -> None:
    (tmp_path / 'c.yaml').write_text(YAML)
    assert read_calibration(tmp_path / 'c.yaml') == Calibration(
        640,
        480,
        k=(430, 0, 306, 0, 431, 227, 0, 0, 1),
        d=(-0.3, 0.1),
        r=(1, 0, 0, 0, 1, 0, 0, 0, 1),
        p=(360, 0, 304, 0, 0, 409, 223, 0, 0, 0, 1, 0),
        distortion_model='rational_polynomial',
    )
    (tmp_path / 'calib_cam_to_cam.txt').write_text(KITTI)
    kitti = read_calibration(tmp_path / 'calib_cam_to_cam.txt')
    assert (kitti.width, kitti.height) == (1242, 375)
    assert kitti.p == tuple(x + 0.5 for x in range(12))
    assert kitti.k == (0.5, 1.5, 2.5, 4.5, 5.5, 6.5, 8.5, 9.5, 10.5)


@pytest.mark.parametrize(
    ('name', 'content', 'text'),
    [
        ('c.yaml', 'image_width: 3', r"KeyError: 'image_height'\); give a camera_info .yaml"),
        ('c.yaml', '{', 'c.yaml cannot be read as YAML: .* in line 1'),
        ('c.yaml', YAML.replace('640', '0'), 'images of 0x480 is of no use'),
        ('c.yaml', YAML.replace('[430, ', '['), 'k has 8 numbers; 9 are needed'),
        ('c.txt', 'nothing', "KITTI's calib_cam_to_cam.txt"),
        ('c.txt', KITTI.replace('S_rect', 'S'), 'cannot be understood'),
    ],
)
def test_calibrations_are_checked(name: str, content: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BagError, match=text):
        read_calibration(tmp_path / name)
    with pytest.raises(BagError, match='cannot be read'):
        read_calibration(tmp_path / 'none.yaml')


def test_the_handover_keeps_order_and_its_limit() -> None:
    line: Handover[int] = Handover(100)
    most = 0
    taken = []

    def take() -> None:
        nonlocal most
        for _ in range(500):
            most = max(most, line.waiting_bytes)
            taken.append(line.get(5))

    thread = threading.Thread(target=take)
    thread.start()
    for i in range(500):
        assert line.put(i, 30)
    thread.join()
    assert taken == list(range(500))
    assert most <= 100
    assert line.waiting_bytes == 0


def test_the_handover_takes_one_item_of_any_size_and_gives_up_if_asked() -> None:
    line: Handover[str] = Handover(100)
    assert line.put('large', 1000)
    assert not line.put('next', 1, give_up=lambda: True)
    assert line.get() == 'large'
    with pytest.raises(queue.Empty):
        line.get(0.001)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP])
def test_signals_end_in_good_order(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def work() -> None:
        with orderly_end():
            os.kill(os.getpid(), number)
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt) as caught:
        work()
    assert isinstance(caught.value, Terminated)
    assert exit_status(caught.value) == 128 + number
    assert signal.getsignal(number) == before
    assert exit_status(KeyboardInterrupt()) == 130


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_set_the_flag(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signals() as stop:
        assert stop.sleep_until(time.monotonic() - 1)
        os.kill(os.getpid(), number)
        assert not stop.sleep_until(time.monotonic() + 3600)
        assert (stop.requested, stop.signal_number) == (True, number)
    assert signal.getsignal(number) == before


def test_signals_are_left_alone_outside_the_main_thread() -> None:
    caught: list[object] = []

    def run() -> None:
        try:
            with orderly_end(), stop_on_signals() as stop:
                caught.append(stop.requested)
        except DrivsegError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert caught == [False]


def test_waiting_is_never_short() -> None:
    for wait in (0.0, 0.0005, 0.03):
        due = time.monotonic() + wait
        assert StopFlag().sleep_until(due)
        assert time.monotonic() >= due
