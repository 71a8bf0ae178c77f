# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the files that are not Python (config/, launch/) lie."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

from drivseg_ros.errors import DrivsegError

_PACKAGE = 'drivseg_ros'


def share_directory() -> Path:
    """The folder that holds config/ and launch/.

    In a checkout it is the checkout; after `colcon build` the package's share folder in the
    ament index; after `pip install` share/drivseg_ros under the environment's prefix.

    Raises:
        DrivsegError: if none of them is there.
    """
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / 'package.xml').is_file() and (checkout / 'config').is_dir():
        return checkout
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        share = Path(prefix) / 'share' / _PACKAGE
        if prefix and (share / 'package.xml').is_file():
            return share
    try:
        installed = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        installed = []
    for file in installed:
        if file.parts[-3:] == ('share', _PACKAGE, 'package.xml'):
            return Path(str(file.locate())).resolve().parent
    raise DrivsegError(
        f'the configuration of {_PACKAGE} is not found: not beside {checkout}, not in '
        'AMENT_PREFIX_PATH, not in the installed distribution; install the package again, or '
        'source the install/setup.bash of its workspace'
    )
