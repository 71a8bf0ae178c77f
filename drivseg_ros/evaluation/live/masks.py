# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The masks that a live run recorded, with their confidence, in the order of their frames."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from drivseg_ros.bags.image_messages import stamp_ns
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.errors import BagError
from drivseg_ros.images.codec import decode_labels


class RecordedPlanes:
    """Gives the planes of a topic by their stamps; a context manager.

    Frames are best asked for in the order in which they were recorded: what is passed over is
    kept until it is asked for.

    Args:
        recording: the bag.
        topic: its topic, mono8.
        stamps: of the planes that will be asked for, in nanoseconds.
    """

    def __init__(self, recording: Path, topic: str, stamps: Collection[int]) -> None:
        self._topic = topic
        self._wanted = set(stamps)
        self._stack = ExitStack()
        reader = self._stack.enter_context(BagReader(recording))
        there = topic in reader.topics
        self._messages = reader.messages([topic]) if there else iter(())
        self._ahead: dict[int, np.ndarray] = {}

    def take(self, stamp: int) -> np.ndarray:
        """The plane with that stamp, uint8 [H, W], once.

        Raises:
            BagError: if it is not there.
        """
        while stamp not in self._ahead:
            message = next(self._messages, None)
            if message is None:
                raise BagError(f'{self._topic} has no message with the stamp {stamp} ns')
            found = stamp_ns(message)
            if found in self._wanted and found not in self._ahead:
                self._ahead[found] = decode_labels(message.message)
        self._wanted.discard(stamp)
        return self._ahead.pop(stamp)

    def __enter__(self) -> RecordedPlanes:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()
