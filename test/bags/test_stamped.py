# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of one stamp belong together, whatever their order; ambiguous stamps pair nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivseg_ros.bags import messages
from drivseg_ros.bags.stamped import StampedFrames, StampedMessages
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import DataError, DrivsegError


def write(path: Path, content: list[tuple[str, int]]) -> Path:
    """Planes with these stamps (ns) in this order; each holds 10 x its place + its stamp."""
    with BagWriter(path) as writer:
        for topic in dict.fromkeys(topic for topic, _ in content):
            writer.add_topic(topic, 'sensor_msgs/msg/Image')
        for place, (topic, stamp) in enumerate(content):
            plane = np.full((2, 3), (10 * place + stamp) % 256, np.uint8)
            message = messages.image(plane, encoding='mono8', stamp_ns=stamp, frame_id='camera')
            writer.write(topic, place, message)
    return path


def test_planes_out_of_order_are_found(tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', [('/mask', stamp) for stamp in (2, 1, 2, 4, 3)])
    with StampedMessages(bag, '/mask', {1, 2, 3}) as planes:
        # Of two with one stamp, the first; 4 is not asked for.
        assert [int(planes.plane(stamp)[0, 0]) for stamp in (1, 2, 3)] == [11, 2, 43]
        with pytest.raises(DrivsegError, match='no message with the stamp 4 ns'):
            planes.take(4)
    with StampedMessages(bag, '/nothing', {1}) as planes, pytest.raises(DrivsegError):
        planes.take(1)


def pairs(bag: Path) -> list[tuple[int, int | None]]:
    """By frame its stamp and that of its partner."""
    frames = StampedFrames(bag, '/image', ['/label'])
    found = []
    for frame in frames.read():
        partner = frame.partners.get('/label')
        found.append((frame.stamp_ns, None if partner is None else partner.header_stamp_ns))
    return found


IMAGES, LABELS = ([(topic, stamp) for stamp in range(1, 600)] for topic in ('/image', '/label'))


def test_labels_that_lag_by_any_amount_find_their_images(tmp_path: Path) -> None:
    everything = [(stamp, stamp) for stamp in range(1, 600)]
    assert pairs(write(tmp_path / 'late', [*IMAGES, *LABELS])) == everything
    assert pairs(write(tmp_path / 'early', [*LABELS, *IMAGES])) == everything
    turned = [*LABELS[:200][::-1], *LABELS[200:], *IMAGES]
    assert pairs(write(tmp_path / 'turned', turned)) == everything
    with pytest.raises(DataError, match='another order than their frames, by more than 256'):
        pairs(write(tmp_path / 'backwards', [*LABELS[::-1], *IMAGES]))


def test_a_stamp_that_comes_twice_on_any_topic_pairs_nothing(tmp_path: Path) -> None:
    content = [('/image', s) for s in (1, 2, 2, 3, 4)] + [('/label', s) for s in (1, 2, 3, 3, 5)]
    bag = write(tmp_path / 'bag', content)
    assert pairs(bag) == [(1, 1), (2, None), (2, None), (3, None), (4, None)]
    frames = StampedFrames(bag, '/image', ['/label'])
    assert [s for s in range(1, 6) if frames.ambiguous(s)] == [2, 3]
    assert '(1 of /image, 2 of /label)' in frames.why(3)
    assert frames.unmatched('/label') == 1
    # Where nothing is to be paired, nothing is ambiguous.
    assert not StampedFrames(bag, '/image', []).ambiguous(2)


def test_only_the_places_that_are_wanted_are_read(tmp_path: Path) -> None:
    bag = write(tmp_path / 'bag', [*IMAGES[:9], *LABELS[:9]])
    frames = StampedFrames(bag, '/image', ['/label'])
    assert [f.stamp_ns for f in frames.read([6, 2])] == [3, 7]
    assert frames.unmatched('/label', {3, 7}) == 5  # those behind are not asked for
