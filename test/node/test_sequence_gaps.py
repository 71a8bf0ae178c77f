# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames that never came, by publication sequence numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

from node_harness import keys, make_image, wait_for
from rclpy.serialization import serialize_message

from drivseg_ros.base.diagnostics import Key
from drivseg_ros.node.sequence_gaps import SequenceGaps


def info(number: int | None, publisher: str = '') -> dict[str, Any]:
    found: dict[str, Any] = {'publication_sequence_number': number}
    if publisher:
        found['publisher_gid'] = {'data': publisher.encode()}
    return found


@pytest.mark.parametrize(
    ('infos', 'publishers', 'missing'),
    [
        ([info(7), info(8), info(9)], 1, 0),
        ([info(7), info(9), info(13)], 1, 4),
        ([info(9), info(1), info(2), info(4)], 1, 1),  # the publisher was started again
        ([info(None), info(None)], 1, 0),
        ([{}, {}], 1, 0),
        # Of two publishers the numbers mean something only if it is known whose they are.
        ([info(1), info(100), info(2), info(101)], 2, 0),
        ([info(1, 'a'), info(100, 'b'), info(3, 'a'), info(101, 'b')], 2, 1),
    ],
)
def test_gaps(infos: list[dict[str, Any]], publishers: int, missing: int) -> None:
    gaps = SequenceGaps(publishers=lambda: publishers)
    assert sum(gaps.missing_before(one) for one in infos) == missing


def test_after_a_restart_nothing_is_missing() -> None:
    gaps = SequenceGaps(publishers=lambda: 1)
    gaps.missing_before(info(1))
    gaps.restart()
    assert gaps.missing_before(info(50)) == 0


def test_many_publishers_that_come_and_go_take_no_memory() -> None:
    gaps = SequenceGaps(publishers=lambda: 1)
    for number in range(1000):
        assert gaps.missing_before(info(1, f'publisher {number}')) == 0
    assert len(gaps._last) <= 101


def test_what_cannot_be_read_is_counted(
    make_live: Callable[..., Any], peer: Any, tiny_model: Path
) -> None:
    """A message that is none: rclpy drops it without a word, and the next number tells."""
    live = make_live(model=str(tiny_model)).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    camera = peer.camera('/image').wait_subscribed()
    camera.send(make_image(0))
    wait_for(lambda: len(masks) == 1, 'the first mask')
    for cut in (20, 40):
        camera.send(serialize_message(make_image(1))[:cut])
    camera.send(make_image(2))
    wait_for(lambda: len(masks) == 2, 'the next mask')
    peer.wait_status(
        'camera', lambda status: keys(status)[Key.MISSING] == '2', 'two frames are missing'
    )
    assert live.counts().offered == 2
