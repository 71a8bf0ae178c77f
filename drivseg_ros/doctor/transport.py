# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What decides whether large images arrive: the DDS profile and the socket buffers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from drivseg_ros.doctor.finding import Finding, Section, note, problem, run_checks

_BUFFERS = Path('/proc/sys/net/core')
# What Fast DDS's manual sets for large data ("Increasing socket buffers size").
_ENOUGH = 12_582_912


def check_transport() -> Section:
    """The section about the transport of images."""
    return run_checks(
        'Transport of images',
        {'DDS profile': check_dds_profile, 'socket buffers': check_socket_buffers},
    )


def check_dds_profile() -> Iterator[Finding]:
    """Which profile a node would use."""
    from drivseg_ros.errors import DrivsegError
    from drivseg_ros.node.dds_profile import use_image_profile

    before = dict(os.environ)
    try:
        choice = use_image_profile()
    except DrivsegError as error:
        yield problem('DDS profile', 'cannot be used', str(error))
        return
    finally:
        os.environ.clear()
        os.environ.update(before)
    if choice.path is None:
        yield note(
            'DDS profile',
            f'none: {choice.reason}',
            'without it most raw images of 720p and more are lost, even on one machine',
        )
    elif not choice.path.is_file():
        yield problem(
            'DDS profile',
            f'{choice.path} ({choice.reason}) is not there',
            'correct or unset the variable; Fast DDS silently uses its defaults',
        )
    else:
        yield Finding('DDS profile', f'{choice.path} ({choice.reason})')


def check_socket_buffers(folder: Path = _BUFFERS) -> Iterator[Finding]:
    """Whether images from other machines find room."""
    limits = {name: int((folder / name).read_text()) for name in ('rmem_max', 'wmem_max')}
    value = ', '.join(f'net.core.{name} {limit / 1e6:.1f} MB' for name, limit in limits.items())
    small = [name for name, limit in limits.items() if limit < _ENOUGH]
    if small:
        settings = ' '.join(f'net.core.{name}={_ENOUGH}' for name in small)
        yield note(
            'socket buffers',
            value,
            f'for raw images to or from another machine: sudo sysctl -w {settings}',
        )
    else:
        yield Finding('socket buffers', value)
