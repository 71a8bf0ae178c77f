# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How a missing library is installed here; drivseg_ros itself is on no package index."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path
from urllib.parse import unquote, urlsplit

_PACKAGE = 'drivseg_ros'


def install_hint(extra: str) -> str:
    """The command that installs what an extra of setup.py names, such as 'train'.

    Where drivseg_ros runs from, or was installed from, a clone, pip takes the extra from the clone.
    In a colcon workspace, or where the clone is gone, the command names the libraries themselves,
    so that no second copy of drivseg_ros is installed.
    """
    clone, editable = _clone()
    if clone is None or _in_workspace():
        libraries = _libraries(extra)
        if libraries:
            return pip_install(*libraries)
    place = '.' if clone in (None, Path.cwd()) else str(clone)
    return pip_install(*(['-e'] if editable else []), f'{place}[{extra}]')


def pip_install(*arguments: str) -> str:
    """A pip command for this interpreter, quoted for a shell.

    Args:
        arguments: requirements such as 'onnx>=1.17', and options.
    """
    if sys.prefix == sys.base_prefix:
        marker = Path(sysconfig.get_path('stdlib')) / 'EXTERNALLY-MANAGED'
        if marker.exists():  # Ubuntu's own Python, which pip leaves alone without this option
            arguments = ('--break-system-packages', *arguments)
    return shlex.join([*_pip(), 'install', *arguments])


def apt_install(package: str) -> str:
    """How a package of ROS 2 is installed where ROS 2 is; where it is not, it comes with that.

    Args:
        package: such as 'vision_msgs'.
    """
    distribution = os.environ.get('ROS_DISTRO')
    if not distribution:
        return (
            f'{package} comes with an installed ROS 2, and is there once its setup.bash is sourced'
        )
    return f'sudo apt install ros-{distribution}-{package.replace("_", "-")}'


def _pip() -> list[str]:
    """The pip of this interpreter: another one may be first in PATH."""
    found = shutil.which('pip')
    if found is not None and Path(found).parent == Path(sys.executable).parent:
        return ['pip']
    return [sys.executable, '-m', 'pip']


def _clone() -> tuple[Path | None, bool]:
    """The clone that drivseg_ros comes from, if it is there, and whether pip links to it."""
    try:
        text = importlib.metadata.distribution(_PACKAGE).read_text('direct_url.json')
        origin = json.loads(text or '{}')
    except importlib.metadata.PackageNotFoundError:
        origin = {}
    installed_from = Path(unquote(urlsplit(origin.get('url', '')).path))
    editable = bool(origin.get('dir_info', {}).get('editable'))
    for place in (Path(__file__).resolve().parents[2], installed_from):
        if (place / 'setup.py').is_file() and (place / _PACKAGE).is_dir():
            return place, editable
    return None, False


def _in_workspace() -> bool:
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    return any(prefix and (Path(prefix) / 'share' / _PACKAGE).is_dir() for prefix in prefixes)


def _libraries(extra: str) -> list[str]:
    try:
        required = importlib.metadata.requires(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    wanted = re.compile(rf'extra == [\'"]{re.escape(extra)}[\'"]')
    return [
        requirement.partition(';')[0].strip()
        for requirement in required
        if wanted.search(requirement.partition(';')[2])
    ]
