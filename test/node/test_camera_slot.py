# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The slot holds the newest frame and counts what it loses."""

from __future__ import annotations

import threading

from drivseg_ros.base.frame_ledger import FrameLedger
from drivseg_ros.node.camera_slot import CameraSlot, Frame


def frame(number: int) -> Frame:
    return Frame(message=number, received_s=float(number))


def test_newest_wins() -> None:
    ledger = FrameLedger()
    slot = CameraSlot(ledger)
    assert slot.take() is None
    for number in range(3):
        slot.put(frame(number))
    assert slot.take() == frame(2)
    assert slot.take() is None
    counts = ledger.counts()
    assert (counts.offered, counts.dropped, counts.waiting) == (3, 2, 1)


def test_clear_drops() -> None:
    ledger = FrameLedger()
    slot = CameraSlot(ledger)
    slot.put(frame(0))
    slot.clear()
    slot.clear()
    assert slot.take() is None
    counts = ledger.counts()
    assert (counts.offered, counts.dropped, counts.waiting) == (1, 1, 0)


def test_what_was_received_before_it_was_cleared_comes_too_late() -> None:
    ledger = FrameLedger()
    slot = CameraSlot(ledger)
    late = Frame(message=0, received_s=0.0, opening=slot.opening)
    slot.clear()
    new = Frame(message=1, received_s=1.0, opening=slot.opening)
    slot.put(new)
    slot.put(late)
    assert slot.take() == new
    counts = ledger.counts()
    assert (counts.offered, counts.dropped, counts.waiting) == (2, 1, 1)


def test_every_frame_is_taken_or_dropped() -> None:
    ledger = FrameLedger()
    slot = CameraSlot(ledger)
    taken: list[int] = []
    stop = threading.Event()

    def take() -> None:
        while not stop.is_set():
            if got := slot.take():
                taken.append(got.message)
                ledger.process()

    thread = threading.Thread(target=take)
    thread.start()
    for number in range(20_000):
        slot.put(frame(number))
    stop.set()
    thread.join()
    slot.clear()
    counts = ledger.counts()
    assert (counts.offered, counts.waiting) == (20_000, 0)
    assert counts.processed == len(taken)
    assert taken == sorted(set(taken))
