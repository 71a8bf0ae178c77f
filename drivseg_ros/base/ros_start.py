# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Starting ROS, which can fail by what is set around it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from drivseg_ros.errors import DrivsegError

_DOMAIN = 'ROS_DOMAIN_ID'
_HIGHEST = 232  # the ports of UDP end there


@contextmanager
def ros_starts() -> Iterator[None]:
    """Turns what ROS raises when it is started, or makes a node, into a sentence.

    An argument may be none, a profile no XML, a domain no number, or one that has no port.

    Raises:
        DrivsegError: where something was raised inside.
    """
    domain = os.environ.get(_DOMAIN, '')
    given = f'{_DOMAIN} is {domain!r}; 0 to 101 are allowed everywhere, some systems take up to 232'
    if domain.isdecimal() and int(domain) > _HIGHEST:  # Fast DDS would end the process
        raise DrivsegError(f'ROS 2 cannot be started: {given}')
    try:
        yield
    except Exception as error:
        reason = ' '.join(str(error).split())
        raise DrivsegError(
            f'ROS 2 cannot be started: {reason}{f" ({given})" if _DOMAIN in reason else ""}'
        ) from None
