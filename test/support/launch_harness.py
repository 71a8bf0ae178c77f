# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files as modules, and what they make of arguments."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import launch_ros.actions  # imports launch, for which a folder of that name may stand in else
import rclpy
from launch import LaunchContext, LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.launch_description_sources.python_launch_file_utilities import (
    load_python_launch_file_as_module,
)
from node_harness import Peer, wait_for
from rclpy.context import Context

ANSWER_S = 1.0  # a request that was sent before both sides knew each other is never answered
Node = launch_ros.actions.Node


def load(prefix: Path, name: str) -> ModuleType:
    """A launch file as a module."""
    return load_python_launch_file_as_module(str(_path(prefix, name)))


def context_of(description: LaunchDescription, **arguments: str) -> LaunchContext:
    """A context in which the arguments of a description are given or have their defaults."""
    context = LaunchContext()
    context.launch_configurations.update(arguments)
    for argument in description.get_launch_arguments():
        argument.execute(context)
    return context


def run(
    prefix: Path,
    name: str,
    arguments: dict[str, str],
    *,
    during: Callable[[], Any] | None = None,
) -> tuple[int, Any]:
    """Runs a launch file as `ros2 launch` does.

    Args:
        prefix: where it is installed.
        name: its name.
        arguments: its arguments.
        during: called in another thread; when it returns, everything is shut down. Without it
            the launch file has to end by itself.

    Returns:
        The exit status, and what `during` returned.
    """
    source = PythonLaunchDescriptionSource(str(_path(prefix, name)))
    include = IncludeLaunchDescription(source, launch_arguments=arguments.items())
    service = LaunchService(noninteractive=True)
    service.include_launch_description(LaunchDescription([include]))
    results: list[Any] = []

    def watch() -> None:
        try:
            results.append(during())
        except BaseException as error:
            results.append(error)
        service.shutdown()

    async def main() -> int:
        if during is not None:
            threading.Thread(target=watch, daemon=True).start()
        return await service.run_async(shutdown_when_idle=True)

    status = asyncio.new_event_loop().run_until_complete(main())
    if results and isinstance(results[0], BaseException):
        raise results[0]
    return status, results[0] if results else None


@contextmanager
def onlooker() -> Iterator[Peer]:
    """A ROS node beside the launched ones, in the domain of the environment."""
    context = Context()
    rclpy.init(context=context)
    peer = Peer(context, 'onlooker')
    try:
        yield peer
    finally:
        peer.close()


def ask(peer: Peer, service_type: type, name: str, request: Any) -> Any:
    """The answer of a service of another process, asked until it answers."""
    client = peer.node.create_client(service_type, name)

    def answer() -> Any:
        if not client.service_is_ready():
            return None
        future = client.call_async(request)
        end = time.monotonic() + ANSWER_S
        while not future.done() and time.monotonic() < end:
            time.sleep(0.01)
        return future.result() if future.done() else None

    try:
        return wait_for(answer, f'{name} answers')
    finally:
        peer.node.destroy_client(client)


def _path(prefix: Path, name: str) -> Path:
    return prefix / 'share/drivseg_ros/launch' / name
