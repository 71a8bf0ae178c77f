# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The process that sends: messages from its memory, on an absolute schedule.

It answers requests (`child.serve`):

    load         makes the messages and one publisher a camera
    subscribers  how many each publisher has
    send         sends so many to every camera at a rate; answers what was sent when
"""

from __future__ import annotations

import select
import sys
import time
from typing import Any

from drivseg_ros.bags.live import ros_node, to_rclpy
from drivseg_ros.bags.qos import TopicQos
from drivseg_ros.base.child import OnNote, serve
from drivseg_ros.base.interruption import StopFlag
from drivseg_ros.base.json_data import from_plain
from drivseg_ros.bench.graph.messages import InputChoice, InputMessages, make_messages


class Sender:
    """Sends messages.

    Args:
        node: of rclpy.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._input: InputMessages | None = None
        self._publishers: list[Any] = []
        self._last_stamp_ns = 0
        self._turn = 0

    def handle(self, request: dict[str, Any], _note: OnNote) -> Any:
        """Answers a request."""
        do = request['do']
        if do == 'load':
            return self._load(request)
        if do == 'subscribers':
            return [publisher.get_subscription_count() for publisher in self._publishers]
        if do == 'send':
            return self._send(request['count'], request['rate_hz'])
        raise ValueError(f'the request {do!r} is unknown')

    def _load(self, request: dict[str, Any]) -> dict[str, Any]:
        self._input = made = make_messages(from_plain(InputChoice, request['input'], 'the input'))
        qos = to_rclpy(TopicQos(depth=request['depth']))
        kind = type(made.messages[0])
        self._publishers = [
            self._node.create_publisher(kind, topic, qos) for topic in request['topics']
        ]
        return {
            'sha256': made.sha256,
            'description': made.description,
            'frames': len(made.messages),
            'mean_bytes': made.mean_bytes,
        }

    def _send(self, count: int, rate_hz: float) -> list[tuple[int, int, int]]:
        if self._input is None:
            raise ValueError('nothing is loaded')
        messages = self._input.messages
        sent = []
        begin = time.monotonic() + 0.01
        clock = StopFlag()
        for number in range(count):
            clock.sleep_until(begin + number / rate_hz)
            if _parent_has_gone():
                break
            # A time of the wall clock, as a camera's driver gives, but never the same twice.
            stamp_ns = self._last_stamp_ns = max(time.time_ns(), self._last_stamp_ns + 1)
            for camera, publisher in enumerate(self._publishers):
                message = messages[(self._turn + camera) % len(messages)]
                stamp = message.header.stamp
                stamp.sec, stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
                now_ns = time.monotonic_ns()
                publisher.publish(message)
                sent.append((camera, stamp_ns, now_ns))
            self._turn += 1
        return sent


def _parent_has_gone() -> bool:
    """Whether the pipe of requests is closed; while one is worked on, no other one comes."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


def main() -> None:
    """Serves until the parent goes."""
    with ros_node('drivseg_bench_sender') as node:
        serve(Sender(node).handle)


if __name__ == '__main__':
    main()
