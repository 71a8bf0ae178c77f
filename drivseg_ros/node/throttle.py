# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Logs the same thing once in a while, not a thousand times."""

from __future__ import annotations

from collections.abc import Hashable


class Throttle:
    """Decides whether something is logged now, by kind of thing.

    rclpy's own throttle counts by line of code, where two cameras or two kinds of failure would
    silence each other.

    Args:
        period_s: how long a kind stays silent after it was logged.
    """

    def __init__(self, *, period_s: float) -> None:
        self._period_s = period_s
        self._said: dict[Hashable, tuple[float, int]] = {}

    def due(self, kind: Hashable, *, now_s: float) -> int:
        """How many of a kind are to be logged in one sentence now: 0 if it is too early.

        Args:
            kind: what is to be logged; there must be few kinds.
            now_s: the time of a clock that never goes back.

        Returns:
            This one and those held back since the last sentence, or 0.
        """
        said_s, held_back = self._said.get(kind, (-float('inf'), 0))
        if now_s - said_s < self._period_s:
            self._said[kind] = (said_s, held_back + 1)
            return 0
        self._said[kind] = (now_s, 0)
        return held_back + 1
