# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command in a message installs the library, however drivseg_ros was installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drivseg_ros.base.install_hint import apt_install, install_hint, pip_install

ROOT = Path(__file__).resolve().parents[2]
METADATA = """Metadata-Version: 2.1
Name: drivseg-ros
Version: 0.1.0
Requires-Dist: numpy>=1.26
Requires-Dist: backports.zstd; python_version < "3.14"
Provides-Extra: ray
Requires-Dist: ray>=2.31; extra == "ray"
Provides-Extra: tensorrt-rtx
Requires-Dist: tensorrt_rtx>=1.2; extra == 'tensorrt-rtx'
Requires-Dist: onnx>=1.17; extra == 'tensorrt-rtx'
"""


def installed(site: Path, origin: Path | None, *, editable: bool = False) -> None:
    """What pip leaves of an installation from a folder, as far as it is looked at."""
    info = site / 'drivseg_ros-0.1.0.dist-info'
    info.mkdir(parents=True)
    (info / 'METADATA').write_text(METADATA)
    if origin is not None:
        url = {'url': origin.as_uri(), 'dir_info': {'editable': True} if editable else {}}
        (info / 'direct_url.json').write_text(json.dumps(url))


def hint(site: Path, extra: str, **environment: str) -> str:
    """As a copy of the package in a folder without setup.py says it."""
    for name in ('__init__.py', 'base/__init__.py', 'base/install_hint.py'):
        (site / 'drivseg_ros' / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / 'drivseg_ros' / name, site / 'drivseg_ros' / name)
    code = f'from drivseg_ros.base.install_hint import *; print(install_hint({extra!r}))'
    run = subprocess.run(
        [sys.executable, '-S', '-c', code],  # sees no other installation
        env={**os.environ, 'AMENT_PREFIX_PATH': '', 'PYTHONPATH': str(site), **environment},
        cwd=site,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / 'my clone'
    (folder / 'drivseg_ros').mkdir(parents=True)
    (folder / 'setup.py').touch()
    return folder


def test_a_clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    monkeypatch.chdir(tmp_path)
    assert install_hint('train').endswith(f"'{ROOT}[train]'")
    monkeypatch.chdir(ROOT)
    assert install_hint('train').endswith(" '.[train]'")


@pytest.mark.parametrize('editable', [False, True])
def test_installed_from_a_clone(tmp_path: Path, clone: Path, editable: bool) -> None:
    site = tmp_path / 'site'
    installed(site, clone, editable=editable)
    link = '-e ' if editable else ''
    assert hint(site, 'ray').endswith(f"install {link}'{clone}[ray]'")
    shutil.rmtree(clone)
    assert hint(site, 'ray').endswith("install 'ray>=2.31'")


def test_a_colcon_workspace(tmp_path: Path, clone: Path) -> None:
    """No second copy of drivseg_ros is installed beside that of the workspace."""
    (tmp_path / 'install' / 'share' / 'drivseg_ros').mkdir(parents=True)
    site = tmp_path / 'site'
    installed(site, clone)
    workspace = {'AMENT_PREFIX_PATH': f'/opt/ros/jazzy:{tmp_path / "install"}'}
    assert hint(site, 'tensorrt-rtx', **workspace).endswith(
        "install 'tensorrt_rtx>=1.2' 'onnx>=1.17'"
    )


def test_nothing_is_known(tmp_path: Path) -> None:
    assert hint(tmp_path / 'site', 'ray').endswith("install '.[ray]'")


@pytest.mark.parametrize('beside', [True, False])
def test_it_is_the_pip_of_this_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: bool
) -> None:
    other = tmp_path / 'pip'
    other.touch(mode=0o755)
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setattr(sys, 'executable', str((tmp_path if beside else ROOT) / 'python3'))
    wanted = 'pip' if beside else f'{ROOT}/python3 -m pip'
    assert pip_install('av').startswith(f'{wanted} install ')


def test_packages_of_ros(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DISTRO', 'jazzy')
    assert apt_install('vision_msgs') == 'sudo apt install ros-jazzy-vision-msgs'
    monkeypatch.delenv('ROS_DISTRO')
    assert apt_install('vision_msgs').startswith('vision_msgs comes with an installed ROS 2')


def test_requirements_are_quoted_for_a_shell() -> None:
    assert pip_install('onnx', 'typer>=0.12.4').endswith(" onnx 'typer>=0.12.4'")


def test_every_extra_that_is_named_is_there() -> None:
    named = set()
    for path in (ROOT / 'drivseg_ros').rglob('*.py'):
        named |= set(re.findall(r'install_hint\([\'"](.+?)[\'"]\)', path.read_text()))
    setup = (ROOT / 'setup.py').read_text()
    declared = set(re.findall(r"^        '([a-z-]+)': [A-Z_]+,$", setup, re.MULTILINE))
    assert named <= declared
    assert {'ros', 'train', 'report'} <= named
