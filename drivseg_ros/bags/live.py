# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What player and recorder share: a quiet node, message classes by name, QoS both ways.

rclpy is imported in the functions, so that bags can be read and made where there is no ROS.
"""

from __future__ import annotations

import importlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from drivseg_ros.bags.qos import TopicQos
from drivseg_ros.bags.typestore import TypeDefinition, define, store_from_text
from drivseg_ros.base.install_hint import install_hint, pip_install
from drivseg_ros.base.ros_start import ros_starts
from drivseg_ros.errors import MissingDependencyError

_IDL_TO_MSG = {'boolean': 'bool', 'octet': 'byte', 'float': 'float32', 'double': 'float64'}
_SEQUENCE = re.compile(r'sequence<(.+?)(?:, (\d+))?>')
_ARRAY = re.compile(r'(.+)\[(\d+)\]')
_STRING = re.compile(r'string<(\d+)>')


@contextmanager
def ros_node(name: str) -> Iterator[Any]:
    """A node that only publishes or listens, in a ROS context of its own.

    Signals stay the caller's: rclpy's handlers would shut the context down in mid-work.

    Raises:
        MissingDependencyError: if there is no rclpy.
        DrivsegError: if it cannot be started.
    """
    try:
        import rclpy
        from rclpy.signals import SignalHandlerOptions
    except ImportError as error:
        raise MissingDependencyError(
            f'playing and recording need rclpy, which is not available ({error}): '
            f'source the setup.bash of your ROS 2, or {install_hint("ros")}'
        ) from error
    context = rclpy.Context()
    with ros_starts():
        rclpy.init(args=[], context=context, signal_handler_options=SignalHandlerOptions.NO)
    try:
        with ros_starts():
            node = rclpy.create_node(
                name,
                context=context,
                use_global_arguments=False,
                enable_rosout=False,
                start_parameter_services=False,
            )
        try:
            yield node
        finally:
            node.destroy_node()
    finally:
        rclpy.shutdown(context=context)


@contextmanager
def spinning(node: Any) -> Iterator[None]:
    """Within it, a thread of its own calls the node's callbacks."""
    from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)

    def spin() -> None:
        with suppress(ExternalShutdownException):
            executor.spin()

    thread = threading.Thread(target=spin, name=node.get_name())
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join()


def message_class(msgtype: str) -> Any:
    """The rclpy class of a message type.

    Raises:
        MissingDependencyError: if its package is not installed; the text names it. If it is no
            message of ROS 2.
    """
    if not re.fullmatch(r'\w+/msg/\w+', msgtype):
        raise MissingDependencyError(
            f"'{msgtype}' is no message type of ROS 2, which are called PACKAGE/msg/NAME; record "
            'the topic with one'
        )
    package, _, name = msgtype.split('/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError) as error:
        dashed = package.replace('_', '-')
        distribution = os.environ.get('ROS_DISTRO', '<distribution>')
        raise MissingDependencyError(
            f'message type {msgtype} is not installed here: apt install '
            f'ros-{distribution}-{dashed}, or {pip_install(f"ros-{dashed}")}'
        ) from error


def installed_definition(msgtype: str) -> TypeDefinition:
    """The definition of an installed message type, from its class (which has no constants).

    Raises:
        MissingDependencyError: if its package is not installed.
    """
    sections: dict[str, str] = {}

    def add(name: str) -> None:
        lines = []
        sections[name] = ''
        for field, idl in message_class(name).get_fields_and_field_types().items():
            text, inner = _field_type(idl)
            lines.append(f'{text} {field}\n')
            if inner and inner not in sections:
                add(inner)
        sections[name] = ''.join(lines)

    add(msgtype)
    parts = [f'MSG: {n.replace("/msg/", "/")}\n{text}' for n, text in sections.items()]
    parts[0] = sections[msgtype]
    separator = '=' * 80 + '\n'
    return define(store_from_text(separator.join(parts), msgtype), msgtype)


def _field_type(idl: str) -> tuple[str, str]:
    """A field's type in .msg form, and the message type in it ('' if there is none)."""
    if found := _SEQUENCE.fullmatch(idl):
        text, inner = _field_type(found[1])
        return f'{text}[{"<=" + found[2] if found[2] else ""}]', inner
    if found := _ARRAY.fullmatch(idl):
        text, inner = _field_type(found[1])
        return f'{text}[{found[2]}]', inner
    if found := _STRING.fullmatch(idl):
        return f'string<={found[1]}', ''
    if '/' in idl:
        package, name = idl.split('/')
        return idl, f'{package}/msg/{name}'
    return _IDL_TO_MSG.get(idl, idl), ''


def to_rclpy(qos: TopicQos) -> Any:
    """The profile for a publisher or subscription."""
    from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

    return QoSProfile(
        depth=qos.depth,
        reliability=ReliabilityPolicy[qos.reliability.upper()],
        durability=DurabilityPolicy[qos.durability.upper()],
    )


def from_rclpy(profile: Any) -> TopicQos:
    """What an endpoint offers; discovery has no depth, which becomes the default."""
    from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

    best_effort = profile.reliability == ReliabilityPolicy.BEST_EFFORT
    latched = profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    return TopicQos(
        reliability='best_effort' if best_effort else 'reliable',
        durability='transient_local' if latched else 'volatile',
        depth=profile.depth if profile.depth > 0 else TopicQos.depth,
    )
