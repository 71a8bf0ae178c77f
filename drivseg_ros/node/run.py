# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Brings ROS up, runs the node, and puts everything away."""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import NoReturn

import rclpy
from rclpy.utilities import remove_ros_args

from drivseg_ros.base.ros_start import ros_starts
from drivseg_ros.images.opencv_log import silence_opencv
from drivseg_ros.node.arguments import unknown_arguments
from drivseg_ros.node.dds_profile import use_image_profile
from drivseg_ros.node.executors import FramesThread, GroupExecutor, MainExecutor, spin
from drivseg_ros.node.lifecycle_node import NODE_NAME, SegmentationNode
from drivseg_ros.node.stop_signals import StopSignals

_LEAVING_S = 0.7  # of the second in which the process has to end


def run(args: list[str] | None, *, stop: StopSignals) -> NoReturn:
    """Runs the node until ROS is shut down, and ends the process with status 0.

    Args:
        args: the arguments, sys.argv by default.
        stop: what SIGINT, SIGTERM and SIGHUP do; it has to know when ROS is up.

    Raises:
        DrivsegError: if the node cannot be made.
    """
    silence_opencv()
    profile = use_image_profile()
    with ros_starts():
        rclpy.init(args=args)
    stop.ros_is_up = True
    words = remove_ros_args(sys.argv if args is None else ['', *args])[1:]
    unknown = unknown_arguments(words)
    if unknown:
        rclpy.logging.get_logger(NODE_NAME).warning(unknown)
    _run_node(dds_profile=f'{profile.path or "Fast DDS defaults"} ({profile.reason})')
    # The node is garbage now, with the last handles of Fast DDS, which would otherwise leave its
    # shared memory behind: 64 MB for every run. What is frozen is not collected.
    gc.unfreeze()
    gc.collect()
    # A thread inside an engine can neither be interrupted nor survive the interpreter, and some
    # runtimes take more than a second to be taken down with it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _run_node(*, dds_profile: str) -> None:
    try:
        node = SegmentationNode(dds_profile=dds_profile)
    except Exception:
        if rclpy.ok():
            raise
        return  # a signal came, and half a node cannot be finished
    frames = GroupExecutor(node, group=node.frames_group)
    executor = MainExecutor(left_out=node.frames_group, changed=frames.wake)
    executor.add_node(node)
    thread = FramesThread(frames, logger=node.get_logger())
    thread.start()
    # Objects that live as long as the process need not be looked at by every collection.
    gc.collect()
    gc.freeze()
    try:
        spin(executor, logger=node.get_logger())
    finally:
        end_s = time.monotonic() + _LEAVING_S
        rclpy.try_shutdown()
        node.leave(keep_waiting=lambda: time.monotonic() < end_s)
        thread.join(timeout_s=max(0.05, end_s - time.monotonic()))
        node.destroy_node()
