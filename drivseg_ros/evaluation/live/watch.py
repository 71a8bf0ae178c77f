# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The process that watches the node's diagnostics, to see when it is done with what was played.

It answers requests (`child.serve`):

    newest   how many diagnostics of a camera came so far, and whether the newest two say the same
             and that no frame waits
"""

from __future__ import annotations

import threading
from typing import Any

from drivseg_ros.bags.live import message_class, ros_node, spinning
from drivseg_ros.base.child import OnNote, serve
from drivseg_ros.base.diagnostics import DIAGNOSTICS_TOPIC, all_values, read_counts
from drivseg_ros.base.frame_ledger import FrameCounts

_DEPTH = 10


class Watcher:
    """Listens to diagnostics.

    Args:
        node: of rclpy; the caller spins it.
    """

    def __init__(self, node: Any) -> None:
        self._heard = 0
        self._newest: FrameCounts | None = None
        self._settled = False
        self._lock = threading.Lock()
        kind = message_class('diagnostic_msgs/msg/DiagnosticArray')
        self._subscription = node.create_subscription(kind, DIAGNOSTICS_TOPIC, self._take, _DEPTH)

    def handle(self, request: dict[str, Any], _note: OnNote) -> Any:
        """Answers a request."""
        if request['do'] == 'newest':
            with self._lock:
                return {'heard': self._heard, 'settled': self._settled}
        raise ValueError(f'the request {request["do"]!r} is unknown')

    def _take(self, message: Any) -> None:
        counts = read_counts(all_values(message))
        if counts is None:
            return
        with self._lock:
            self._heard += 1
            self._settled = counts == self._newest and not counts.waiting
            self._newest = counts


def main() -> None:
    """Serves until the parent goes."""
    with ros_node('drivseg_live_watch') as node, spinning(node):
        serve(Watcher(node).handle)


if __name__ == '__main__':
    main()
