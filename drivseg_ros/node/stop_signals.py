# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What SIGINT, SIGTERM and SIGHUP do, from the first moment of the process to its last."""

from __future__ import annotations

import os
import signal


class StopSignals:
    """SIGINT, SIGTERM, SIGHUP: they end the process at once until ROS is up, then through rclpy.

    rclpy's own handlers shut ROS down, which ends the executors, and then call these, which
    replace Python's: no KeyboardInterrupt is raised, wherever the program is, however often the
    signal comes (`ros2 launch` sends a second SIGINT after the terminal's). rclpy knows nothing of
    SIGHUP, which is made a SIGTERM, unless it is ignored, as under nohup.
    """

    def __init__(self) -> None:
        self.ros_is_up = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._hang_up)

    def ignore(self) -> None:
        """Lets the interpreter end in peace: it would fall back to being killed."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def _handle(self, _number: int, _frame: object) -> None:
        if not self.ros_is_up:
            os._exit(0)  # nothing was made that needs to be put away

    def _hang_up(self, _number: int, _frame: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
