# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The throttle speaks once in a while, for each kind."""

from __future__ import annotations

from drivseg_ros.node.throttle import Throttle


def test_kinds_do_not_silence_each_other() -> None:
    throttle = Throttle(period_s=10)
    said = [
        (kind, now, throttle.due(kind, now_s=now))
        for kind, now in [
            ('a', 0), ('a', 1), ('b', 2), ('a', 9), ('a', 10), ('b', 11), ('b', 12), ('a', 30),
        ]
    ]  # fmt: skip
    assert [count for *_, count in said] == [1, 0, 1, 0, 3, 0, 2, 1]
