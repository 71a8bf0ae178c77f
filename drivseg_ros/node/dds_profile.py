# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The Fast DDS profile that lets camera images through; to be chosen before rclpy.init."""

from __future__ import annotations

import importlib.metadata
import os
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.base.share import share_directory
from drivseg_ros.errors import DrivsegError, ParameterError

PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
"""Where Fast DDS 3 (Kilted and later) and Fast DDS 2 (Jazzy and before) look for a profile."""

SWITCH_VARIABLE = 'DRIVSEG_DDS_PROFILE'
"""'off' leaves Fast DDS as it is; 'on', or not set, uses the image profile."""

PROFILE_FILE = Path('config/dds/fastdds_images.xml')
"""The profile, below the share directory."""


@dataclass(frozen=True)
class ProfileChoice:
    """What was done about the profile.

    Attributes:
        path: the profile in use, or None for Fast DDS's own defaults.
        reason: one clause for the log.
    """

    path: Path | None
    reason: str


def use_image_profile() -> ProfileChoice:
    """Names the packaged profile to Fast DDS, for this process and its children.

    A profile that the user has set stays, and so does everything if DRIVSEG_DDS_PROFILE=off. It
    has to be called before rclpy.init, which reads the profile.

    Returns:
        What it did.

    Raises:
        ParameterError: if DRIVSEG_DDS_PROFILE is neither on nor off.
        DrivsegError: if the packaged profile is not there.
    """
    switch = os.environ.get(SWITCH_VARIABLE, '') or 'on'
    if switch not in ('on', 'off'):
        raise ParameterError(
            f"the environment variable {SWITCH_VARIABLE} is {switch!r}; allowed are 'on' (use "
            "the image profile, also when it is not set) and 'off'"
        )
    for variable in PROFILE_VARIABLES:
        if os.environ.get(variable):
            return ProfileChoice(
                path=Path(os.environ[variable]), reason=f'{variable} was set already'
            )
    if switch == 'off':
        return ProfileChoice(path=None, reason=f'{SWITCH_VARIABLE} is off')
    path = share_directory() / PROFILE_FILE
    if not path.is_file():
        raise DrivsegError(
            f'the DDS profile {path} is missing; install the package again, or set '
            f'{SWITCH_VARIABLE}=off to go without'
        )
    for variable in _read_variables():
        os.environ[variable] = str(path)
    return ProfileChoice(path=path, reason='64 MB of shared memory for images')


def _read_variables() -> tuple[str, ...]:
    """The variables that the installed Fast DDS reads; Fast DDS 3 complains of the other one."""
    for distribution in ('rclpy', 'ros-rclpy'):  # of ROS 2 itself, and of the Python packages
        try:
            major = int(importlib.metadata.version(distribution).split('.')[0])
        except (importlib.metadata.PackageNotFoundError, ValueError):
            continue
        if major >= 9:
            return PROFILE_VARIABLES[:1]
        if major <= 7:
            return PROFILE_VARIABLES[1:]
    return PROFILE_VARIABLES
