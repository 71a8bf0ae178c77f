# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads messages in a thread, some way ahead of who plays them, so that no disk makes them late."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from drivseg_ros.bags.handover import Handover
from drivseg_ros.bags.reader import BagMessage
from drivseg_ros.base.interruption import StopFlag

_AHEAD_BYTES = 48_000_000
# So that small messages do not pile up in numbers.
_LEAST_BYTES = 4096


@contextmanager
def read_ahead(messages: Iterable[BagMessage], stop: StopFlag) -> Iterator[Iterator[BagMessage]]:
    """Gives the messages, read ahead by a thread; the iterator ends early if a stop is requested.

    Args:
        messages: from ``BagReader.messages``.
        stop: asked while waiting.
    """
    waiting: Handover[BagMessage | Exception | None] = Handover(_AHEAD_BYTES)
    left = threading.Event()

    def give_up() -> bool:
        return left.is_set() or stop.requested

    def read() -> None:
        try:
            for message in messages:
                size = max(len(message.data), _LEAST_BYTES)
                if not waiting.put(message, size, give_up=give_up):
                    return
            waiting.put(None, 0, give_up=give_up)
        except Exception as error:  # raised again where the messages are taken
            waiting.put(error, 0, give_up=give_up)

    def take() -> Iterator[BagMessage]:
        while not stop.requested:
            try:
                item = waiting.get(0.02)
            except queue.Empty:
                continue
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item

    thread = threading.Thread(target=read, name='bag read-ahead', daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        left.set()
        thread.join()
