# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The installed rclpy of Jazzy or Kilted, changed to what it is in Lyrical.

There are no wheels of Lyrical. What it renamed is renamed in a copy; with a clone of
ros2-gbp/rclpy-release, Lyrical's own Python files are put over the compiled half of Kilted's.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_BEFORE = 'from rclpy.topic_endpoint_info'
_AFTER = 'from rclpy.endpoint_info'
# What Lyrical's generated messages inherit from; for the types of rclpy's functions alone.
_BASE_CLASSES = """
from typing import Generic, TypeVar
A, B, C, D = (TypeVar(name) for name in 'ABCD')
class BaseMessage: pass
class BaseImpl(Generic[A, B, C]): pass
class BaseService(Generic[A, B]): pass
class BaseAction(Generic[A, B, C, D]): pass
"""
# Arguments that only Lyrical's compiled half takes: the file and what is around them.
_NEW_ARGUMENTS = {
    'lifecycle/node.py': re.compile(r'(LifecycleStateMachine\(\s*self\.handle,) clock\.handle,'),
    'node.py': re.compile(r'(content_filter_options), acceptable_buffer_backends(?=\))'),
}


def use_lyrical(folder: Path, *, clone: str = '') -> None:
    """Lets this process and its children import the changed rclpy.

    Args:
        folder: gets the copy.
        clone: a clone of rclpy-release, or '' to rename only.
    """
    if 'rclpy' in sys.modules:
        raise RuntimeError('rclpy is imported already')
    overlay = put_over_kilted(folder, Path(clone)) if clone else rename(folder)
    sys.path.insert(0, str(overlay))
    others = filter(None, [os.environ.get('PYTHONPATH')])
    os.environ['PYTHONPATH'] = os.pathsep.join([str(overlay), *others])


def rename(folder: Path) -> Path:
    """Copies rclpy, and renames the module.

    Returns:
        The folder for PYTHONPATH.
    """
    package = _copy('rclpy', folder)
    if not (package / 'endpoint_info.py').exists():
        (package / 'topic_endpoint_info.py').rename(package / 'endpoint_info.py')
        node = package / 'node.py'
        text = node.read_text()
        assert _BEFORE in text
        node.write_text(text.replace(_BEFORE, _AFTER))
    return folder


def put_over_kilted(folder: Path, clone: Path) -> Path:
    """Copies Kilted's rclpy, and puts the Python files of Lyrical's newest release in it.

    Returns:
        The folder for PYTHONPATH.
    """

    def git(*arguments: str) -> bytes:
        return subprocess.run(
            ['git', '-C', clone, *arguments], stdout=subprocess.PIPE, check=True
        ).stdout

    tags = git('tag', '--sort=version:refname', '--list', 'release/lyrical/rclpy/*')
    tag = tags.decode().split()[-1]
    package = _copy('rclpy', folder)
    for path in package.rglob('*.py'):
        path.unlink()
    for line in git('ls-tree', '-r', '--name-only', tag, 'rclpy/').decode().splitlines():
        if line.endswith('.py'):
            target = folder / line
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(git('show', f'{tag}:{line}'))
    for name, arguments in _NEW_ARGUMENTS.items():
        path = package / name
        text, count = arguments.subn(r'\1', path.read_text())
        assert count == 1, f'{tag}: {name} is not what it was in 10.0.10'
        path.write_text(text)
    (_copy('rosidl_pycommon', folder) / 'interface_base_classes.py').write_text(_BASE_CLASSES)
    return folder


def _copy(name: str, folder: Path) -> Path:
    found = importlib.util.find_spec(name)
    assert found is not None, f'{name} is not installed'
    source = Path(str(found.origin)).parent
    ignored = shutil.ignore_patterns('__pycache__')
    return Path(shutil.copytree(source, folder / name, ignore=ignored))
