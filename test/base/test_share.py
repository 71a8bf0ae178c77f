# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The configuration is found in a checkout, in an ament index, and after pip install."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import drivseg_ros
from drivseg_ros.base.share import share_directory

CHECKOUT = Path(drivseg_ros.__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(
    not (CHECKOUT / 'package.xml').is_file(), reason='the tests run from an installed package'
)


def test_in_a_checkout() -> None:
    assert share_directory() == CHECKOUT


def found_from(folder: Path, **environment: str) -> str:
    """What a copy of share.py outside of any checkout finds."""
    package = folder / 'site' / 'drivseg_ros'
    (package / 'base').mkdir(parents=True)
    for name in ('__init__.py', 'errors.py', 'base/__init__.py', 'base/share.py'):
        shutil.copy(CHECKOUT / 'drivseg_ros' / name, package / name)
    code = textwrap.dedent("""
        from drivseg_ros.errors import DrivsegError
        from drivseg_ros.base.share import share_directory
        try:
            print(share_directory())
        except DrivsegError as error:
            print('refused:', error)
    """)
    command = [sys.executable, '-S', '-c', code]
    return subprocess.run(
        command,
        env={'PYTHONPATH': str(folder / 'site'), **environment},
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def test_in_an_ament_index(tmp_path: Path) -> None:
    share = tmp_path / 'install' / 'share' / 'drivseg_ros'
    share.mkdir(parents=True)
    (share / 'package.xml').touch()
    prefixes = f'/nowhere::{tmp_path / "install"}'
    assert found_from(tmp_path, AMENT_PREFIX_PATH=prefixes) == str(share)


def test_after_pip_install(tmp_path: Path) -> None:
    share = tmp_path / 'share' / 'drivseg_ros'
    share.mkdir(parents=True)
    (share / 'package.xml').touch()
    info = tmp_path / 'site' / 'drivseg_ros-0.1.0.dist-info'
    info.mkdir(parents=True)
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: drivseg_ros\nVersion: 0.1.0\n')
    (info / 'RECORD').write_text('../share/drivseg_ros/package.xml,,\n')
    assert found_from(tmp_path) == str(share)


def test_nowhere(tmp_path: Path) -> None:
    answer = found_from(tmp_path)
    assert answer.startswith('refused:')
    assert 'install the package again' in answer
