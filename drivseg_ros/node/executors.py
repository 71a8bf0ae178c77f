# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Two single-threaded executors for one node, so that cameras do not wait for services.

rclpy's MultiThreadedExecutor would do the same for several times the CPU time; these two wait for
different entities and never meet.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from drivseg_ros.node.loading import Leaving

# A signal that comes just before the executor begins to wait wakes it before ROS is shut down, and
# nothing wakes it afterwards.
_LOOK_UP_S = 0.25
_PAUSE_S = 0.1  # after a failed callback, which may fail again at once


class MainExecutor(SingleThreadedExecutor):
    """Executes everything of its nodes but one callback group.

    Args:
        left_out: the group that it leaves to another executor.
        changed: called when entities came or went, also in the group left out.
        arguments: further arguments of rclpy's SingleThreadedExecutor.
    """

    def __init__(
        self, *, left_out: CallbackGroup, changed: Callable[[], None], **arguments: Any
    ) -> None:
        self._left_out = left_out
        self._changed = changed
        super().__init__(**arguments)

    def can_execute(self, entity: Any) -> bool:
        """Whether the entity's callback may be executed here and now."""
        return entity.callback_group is not self._left_out and super().can_execute(entity)

    def wake(self) -> None:
        """Looks anew at what there is to wait for; the node calls it when that changed."""
        super().wake()
        self._changed()


class GroupExecutor(SingleThreadedExecutor):
    """Executes one callback group of a node that another executor owns.

    Args:
        node: the node.
        group: the group.
        arguments: further arguments of rclpy's SingleThreadedExecutor.
    """

    def __init__(self, node: Node, *, group: CallbackGroup, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._node = node
        self._group = group

    def get_nodes(self) -> list[Node]:
        """The node, which was not added: that would take it away from its executor."""
        return [self._node]

    def can_execute(self, entity: Any) -> bool:
        """Whether the entity's callback may be executed here and now."""
        return entity.callback_group is self._group and super().can_execute(entity)


def spin(executor: SingleThreadedExecutor, *, logger: Any) -> None:
    """Executes callbacks until ROS is shut down.

    An exception in a callback is logged and ends that callback only: a service call gone wrong
    must not end the perception of a vehicle.

    Args:
        executor: the executor.
        logger: for the exceptions.
    """
    while executor.context.ok():
        try:
            executor.spin_once(timeout_sec=_LOOK_UP_S)
        except (ExternalShutdownException, Leaving):
            return
        except Exception as error:
            if not executor.context.ok():
                return
            logger.error(f'a callback failed: {error!r}')
            logger.debug(traceback.format_exc())
            time.sleep(_PAUSE_S)


class FramesThread:
    """Runs a GroupExecutor in a thread of its own.

    Args:
        executor: the executor.
        logger: for exceptions in callbacks.
    """

    def __init__(self, executor: GroupExecutor, *, logger: Any) -> None:
        self._executor = executor
        self._thread = threading.Thread(
            target=spin, args=(executor,), kwargs={'logger': logger}, name='frames', daemon=True
        )

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def join(self, *, timeout_s: float) -> bool:
        """Waits for the thread, which ends when its context is shut down.

        Returns:
            Whether it has ended.
        """
        self._executor.wake()
        self._thread.join(timeout=timeout_s)
        if self._thread.is_alive():
            return False
        self._executor.shutdown(timeout_sec=0)
        return True
