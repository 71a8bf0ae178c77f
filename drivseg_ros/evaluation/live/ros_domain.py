# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A ROS domain of one's own, so that a measurement neither disturbs nor sees other nodes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import DrivsegError, MissingDependencyError

# Ids above 101 can collide with the ephemeral ports of Linux (ROS 2 documentation, "The
# ROS_DOMAIN_ID"); 0 is the default, and people who choose one choose a low number.
_DOMAINS = range(101, 0, -1)


@contextmanager
def private_domain() -> Iterator[dict[str, str]]:
    """Reserves a domain on this machine while the context lasts.

    Yields:
        The environment variables that put a process into it, and keep it to this machine.

    Raises:
        DrivsegError: if all domains are taken.
    """
    own = os.environ.get('ROS_DOMAIN_ID')
    for domain in _DOMAINS:
        if str(domain) == own:  # a robot may be at work in it
            continue
        # An abstract name is no file: every user of the machine sees it, whatever their TMPDIR, and
        # it is gone with this process, however that ends (unix(7)).
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lock:
            try:
                lock.bind(f'\0drivseg_ros_domain_{domain}')
            except OSError:
                continue
            yield {
                'ROS_DOMAIN_ID': str(domain),
                'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            }
            return
    raise DrivsegError(
        f'all ROS domains from {_DOMAINS[-1]} to {_DOMAINS[0]} are taken on this machine; '
        'end other demos, benchmarks or test runs first'
    )


def need_rclpy(what: str) -> None:
    """Looks whether rclpy can be imported, before processes are started that need it.

    Args:
        what: what is to be done, for the message: 'a live run'.

    Raises:
        MissingDependencyError: if it cannot.
    """
    try:
        import rclpy  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f'{what} needs rclpy, which cannot be imported ({error}); source the setup.bash '
            f'of your ROS 2, or {install_hint("ros")}'
        ) from None
