# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A queue between one thread that makes messages and one that takes them, limited in bytes.

It has no lock that Python code holds: a KeyboardInterrupt can strike the main thread between any
two steps, and one that strikes while ``queue.Queue`` holds its lock leaves the other thread waiting
for ever. ``SimpleQueue`` is safe against that (by its documentation), and each counter here
has one writer only.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar('T')

_POLL_S = 0.001


class Handover(Generic[T]):
    """Hands items from one thread to one other, in order.

    Args:
        limit_bytes: what may be in the queue; a single larger item passes when the queue is empty.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._items: queue.SimpleQueue[tuple[T, int]] = queue.SimpleQueue()
        self._bytes_in = 0
        self._bytes_out = 0

    @property
    def waiting_bytes(self) -> int:
        """Bytes put and not yet taken."""
        return self._bytes_in - self._bytes_out

    def put(self, item: T, size: int, *, give_up: Callable[[], bool] = lambda: False) -> bool:
        """Puts an item, waiting while the queue is full.

        Args:
            item: what to hand over; it must not be changed afterwards.
            size: its bytes.
            give_up: asked while waiting; True ends the wait.

        Returns:
            False if the wait was given up and the item was not put.
        """
        while self.waiting_bytes and self.waiting_bytes + size > self._limit:
            if give_up():
                return False
            time.sleep(_POLL_S)
        # Counted before it can be taken: a queue that seems fuller than it is does no harm.
        self._bytes_in += size
        self._items.put((item, size))
        return True

    def get(self, timeout_s: float | None = None) -> T:
        """Takes the oldest item.

        Raises:
            queue.Empty: if none came in time.
        """
        item, size = self._items.get(timeout=timeout_s)
        self._bytes_out += size
        return item
