# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""rclpy, the message packages, the middleware, and how nodes find each other."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from drivseg_ros.base.install_hint import apt_install, install_hint
from drivseg_ros.doctor.finding import Finding, Section, note, problem, run_checks
from drivseg_ros.doctor.libraries import version_of

_INSTALL = f'source the setup.bash of your ROS 2, or {install_hint("ros")}'
# The first number of rclpy's version in each distribution.
_DISTRIBUTIONS = {'3': 'Humble', '7': 'Jazzy', '9': 'Kilted', '10': 'Lyrical'}
_SUPPORTED = ('Jazzy', 'Kilted', 'Lyrical')
_NEEDED = ('sensor_msgs', 'std_msgs', 'std_srvs', 'diagnostic_msgs', 'lifecycle_msgs')
_OPTIONAL = {
    'vision_msgs': 'without it no label_info is published',
    'nav_msgs': 'without it no grid is published',
    'tf2_ros': 'without it the poses of cameras are those of the parameter camera_poses',
    'cv_bridge': 'without it encodings that drivseg_ros does not know are refused',
}
_PACKAGES = {'tf2_ros': 'tf2_ros_py'}  # named otherwise than what is imported
_MAX_DOMAIN = 232
_RANGES = ('SUBNET', 'LOCALHOST', 'OFF', 'SYSTEM_DEFAULT', '')
_TIMEOUT_S = 60.0
# In a process of its own: its libraries may be missing, or built for another Python.
_SCRIPT = """
import json, rclpy
from rclpy.utilities import get_rmw_implementation_identifier
print(json.dumps([rclpy.__file__, get_rmw_implementation_identifier()]))
"""


def check_ros() -> Section:
    """The section about ROS 2."""
    return run_checks(
        'ROS 2',
        {'rclpy': check_rclpy, 'messages': check_messages, 'discovery': check_discovery},
    )


def check_rclpy(
    environment: Mapping[str, str] = os.environ, *, found: bool | None = None
) -> Iterator[Finding]:
    """Which rclpy and middleware are taken, and whether they can be loaded.

    Args:
        environment: the variables of the environment.
        found: whether this Python finds rclpy; None looks.
    """
    distribution = environment.get('ROS_DISTRO', '')
    chosen = environment.get('RMW_IMPLEMENTATION')
    if found is None:
        found = importlib.util.find_spec('rclpy') is not None
    if not found:
        others = _pythons_with_rclpy(environment)
        if others:
            yield problem(
                'rclpy',
                f'ROS 2 {distribution} has it for {", ".join(others)}, and this Python is '
                f'{sys.version_info.major}.{sys.version_info.minor}',
                f'run drivseg_ros with {others[0]} (a virtual environment made by it with '
                '--system-site-packages), or use the ROS 2 of this Python: '
                f'{install_hint("ros")} without a sourced setup.bash',
            )
        else:
            yield note('rclpy', 'not installed; only the node and live commands need it', _INSTALL)
        return
    try:
        done = subprocess.run(
            [sys.executable, '-c', _SCRIPT],
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        yield problem('rclpy', f'its import hangs (for {_TIMEOUT_S:.0f} s)', _INSTALL)
        return
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f'exit status {done.returncode}']
        advice = _INSTALL
        if chosen:
            advice = (
                f'install the package of RMW_IMPLEMENTATION={chosen}, or unset it; else {advice}'
            )
        yield problem('rclpy', f'cannot be imported: {lines[-1]}', advice)
        return
    file, middleware = json.loads(done.stdout.splitlines()[-1])
    version = version_of('rclpy') or version_of('ros-rclpy') or 'of unknown version'
    known = _DISTRIBUTIONS.get(version.split('.')[0], '')
    value = f'{version}{f" ({known})" if known else ""} in {Path(file).parent}'
    if known in _SUPPORTED:
        yield Finding('rclpy', value)
    else:
        yield note(
            'rclpy', value, f'drivseg_ros is for {", ".join(_SUPPORTED[:-1])} and {_SUPPORTED[-1]}'
        )
    if distribution and known and distribution.lower() != known.lower():
        yield problem(
            'rclpy',
            f'ROS_DISTRO is {distribution}, but rclpy is that of {known}',
            'open a new terminal and source one setup.bash, or none',
        )
    value = middleware + (' (by RMW_IMPLEMENTATION)' if chosen else ' (the default)')
    if 'fastrtps' in middleware:
        yield Finding('middleware', value)
    else:
        yield note(
            'middleware',
            value,
            'the DDS profile of drivseg_ros is for Fast DDS; give this one room for images '
            'by its own settings',
        )


def check_messages() -> Iterator[Finding]:
    """Which message packages are there."""
    if importlib.util.find_spec('rclpy') is None:
        return
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        apt = '; '.join(map(apt_install, missing)) if os.environ.get('ROS_DISTRO') else _INSTALL
        yield problem('messages', f'missing: {", ".join(missing)}', apt)
    else:
        yield Finding('messages', f'{", ".join(_NEEDED)} are there')
    for name, consequence in _OPTIONAL.items():
        if importlib.util.find_spec(name) is None:
            yield note(
                name, f'not installed; {consequence}', apt_install(_PACKAGES.get(name, name))
            )
        else:
            yield Finding(name, 'is there')


def check_discovery(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Which other nodes are seen."""
    domain = environment.get('ROS_DOMAIN_ID', '')
    if domain and not (domain.isascii() and domain.isdigit() and int(domain) <= _MAX_DOMAIN):
        yield problem(
            'domain',
            f'ROS_DOMAIN_ID is {domain!r}',
            f'set it to a number from 0 to {_MAX_DOMAIN}, or unset it',
        )
    else:
        yield Finding('domain', domain or '0 (ROS_DOMAIN_ID is not set)')
    reach = environment.get('ROS_AUTOMATIC_DISCOVERY_RANGE', '')
    if reach.upper() not in _RANGES:
        yield problem(
            'discovery',
            f'ROS_AUTOMATIC_DISCOVERY_RANGE is {reach!r}',
            f'set it to one of {", ".join(r for r in _RANGES if r)}, or unset it',
        )
    elif environment.get('ROS_LOCALHOST_ONLY') == '1':
        yield note('discovery', 'this machine only (ROS_LOCALHOST_ONLY)')
    elif reach.upper() in ('LOCALHOST', 'OFF'):
        yield note('discovery', f'{reach} (ROS_AUTOMATIC_DISCOVERY_RANGE)')
    else:
        yield Finding('discovery', reach or 'the subnet (the default)')
    for name in ('ROS_STATIC_PEERS', 'ROS_DISCOVERY_SERVER'):
        if environment.get(name):
            yield note('discovery', f'{name} is set')  # its addresses are nobody's business


def _pythons_with_rclpy(environment: Mapping[str, str]) -> list[str]:
    """The Pythons for which a sourced ROS 2 has rclpy, such as 'python3.12'."""
    found: dict[str, None] = {}
    for prefix in environment.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        if not prefix:
            continue
        for folder in ('lib', 'local/lib'):
            for package in Path(prefix, folder).glob('python3.*/*-packages/rclpy'):
                found[package.parents[1].name] = None
    return list(found)
