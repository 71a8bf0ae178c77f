# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames that were published and never came, by the numbers that publishers give their messages.

DDS keeps the newest frame only, and reports neither what that replaces nor what it cannot read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_NUMBER, _PUBLISHER = 'publication_sequence_number', 'publisher_gid'
_MANY_PUBLISHERS = 100


class SequenceGaps:
    """Counts the numbers that are missing between two messages of a publisher.

    Args:
        publishers: how many publishers there are; asked only where the middleware does not say who
            published a message (rclpy of Jazzy). Of several, nothing is counted then.
    """

    def __init__(self, *, publishers: Callable[[], int]) -> None:
        self._publishers = publishers
        self._last: dict[bytes, int] = {}

    def restart(self) -> None:
        """Forgets the numbers: what is published while nobody listens is not missing."""
        self._last.clear()

    def missing_before(self, info: Mapping[str, Any]) -> int:
        """How many messages are missing between this one and the last of its publisher.

        Args:
            info: of rclpy, what comes with a message; without a number, nothing is missing.
        """
        number = info.get(_NUMBER)
        if number is None:
            return 0
        publisher = (info.get(_PUBLISHER) or {}).get('data', b'')
        last = self._last.get(publisher, number)
        if len(self._last) > _MANY_PUBLISHERS:  # that came and went
            self._last.clear()
        self._last[publisher] = number
        missing = max(0, number - last - 1)
        if missing and not publisher and self._publishers() != 1:
            return 0
        return missing
