# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The process that receives: the stamp of every output, and when it came.

Messages are taken as bytes, of which only the stamp is read, so that receiving costs the same
whoever sends, and little. It answers requests (`child.serve`):

    listen   subscribes to the topics that have a publisher by now; answers which have none
    wait     until so many outputs are there, or no more come
    take     the outputs so far, which it forgets
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from drivseg_ros.bags.live import from_rclpy, message_class, ros_node, spinning, to_rclpy
from drivseg_ros.bags.qos import request_for
from drivseg_ros.bags.typestore import header_stamp_ns
from drivseg_ros.base.child import OnNote, serve
from drivseg_ros.errors import BagError, ParameterError

_DEPTH = 100
_LOOK_S = 0.01


class Receiver:
    """Receives outputs.

    Args:
        node: of rclpy; somebody else spins it.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._types: dict[str, str] = {}
        self._subscriptions: list[Any] = []
        # Of the measured topics; lists are appended to by one thread and read by another.
        self._outputs: list[tuple[int, int, int]] = []
        self._beside: Counter[str] = Counter()
        self._newest_s = 0.0

    def handle(self, request: dict[str, Any], _note: OnNote) -> Any:
        """Answers a request."""
        do = request['do']
        if do == 'listen':
            return self._listen(request['topics'])
        if do == 'wait':
            return self._wait(request['count'], request['idle_s'], request['timeout_s'])
        if do == 'take':
            outputs, self._outputs = self._outputs, []
            beside, self._beside = self._beside, Counter()
            return {'outputs': outputs, 'beside': dict(beside)}
        raise ValueError(f'the request {do!r} is unknown')

    def _listen(self, cameras: list[list[str]]) -> dict[str, Any]:
        missing = []
        for camera, topics in enumerate(cameras):
            for place, topic in enumerate(topics):
                if topic in self._types:
                    continue
                publishers = self._node.get_publishers_info_by_topic(topic)
                if not publishers:
                    missing.append(topic)
                    continue
                taker = self._beside_taker(topic) if place else self._taker(camera)
                self._subscribe(topic, publishers, taker)
        return {'missing': missing, 'types': self._types}

    def _subscribe(self, topic: str, publishers: list[Any], taker: Callable[[bytes], None]) -> None:
        msgtype = publishers[0].topic_type
        kind = message_class(msgtype)
        first = next(iter(kind.get_fields_and_field_types().values()), None)
        if first != 'std_msgs/Header':
            raise ParameterError(
                f'{topic} carries {msgtype}, which does not begin with a header, so that outputs '
                'cannot be matched with inputs; name another output'
            )
        qos = request_for([from_rclpy(p.qos_profile) for p in publishers], depth=_DEPTH)
        self._types[topic] = msgtype
        self._subscriptions.append(
            self._node.create_subscription(kind, topic, taker, to_rclpy(qos), raw=True)
        )

    def _taker(self, camera: int) -> Callable[[bytes], None]:
        def take(data: bytes) -> None:
            now_ns = time.monotonic_ns()
            with suppress(BagError):  # no header at all: it would have no stamp to match
                self._outputs.append((camera, header_stamp_ns(data), now_ns))
            self._newest_s = time.monotonic()

        return take

    def _beside_taker(self, topic: str) -> Callable[[bytes], None]:
        def take(data: bytes) -> None:
            self._beside[topic] += 1

        return take

    def _wait(self, count: int, idle_s: float, timeout_s: float) -> int:
        began = time.monotonic()
        while len(self._outputs) < count:
            now = time.monotonic()
            if now > began + timeout_s or now > max(began, self._newest_s) + idle_s:
                break
            time.sleep(_LOOK_S)
        return len(self._outputs)


def main() -> None:
    """Serves until the parent goes."""
    with ros_node('drivseg_bench_receiver') as node, spinning(node):
        serve(Receiver(node).handle)


if __name__ == '__main__':
    main()
