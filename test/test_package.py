# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One version, true metadata, and an installed package that lacks nothing."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from catkin_pkg.changelog import get_changelog_from_path
from catkin_pkg.package import parse_package

import drivseg_ros
from drivseg_ros.doctor.machine import TESTED

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / 'drivseg_ros'
# Imported name -> what package.xml calls it, where the two differ. None: rosdep has no key that
# would do.
ROSDEP = {
    'PIL': 'python3-pil',
    'adjustText': None,
    'av': None,
    'cuda': None,
    'cv2': 'python3-opencv',
    'google': None,  # comes with onnx
    'huggingface_hub': None,
    'jinja2': 'python3-jinja2',
    'lightning': None,
    'lz4': None,  # comes with rosbags
    'matplotlib': 'python3-matplotlib',
    'mlflow': None,
    'msgspec': None,
    'numpy': 'python3-numpy',
    'onnx': None,
    'onnxruntime': 'python3-onnxruntime-pip',
    'openvino': None,
    'psutil': 'python3-psutil',
    'pynvml': None,
    'ray': None,
    'rich': 'python3-rich',
    'rosbags': 'python3-rosbags-pip',
    'ruamel': 'python3-ruamel.yaml',
    'safetensors': None,
    'segmentation_models_pytorch': None,
    'simplejpeg': None,
    'tensorrt': None,
    'tensorrt_rtx': None,
    'torch': None,
    'torchvision': None,
    'typer': None,
    'yaml': 'python3-yaml',
}
# Imported name -> the distribution that has it, for what may not be installed here.
DISTRIBUTIONS = {'cuda': 'cuda-bindings'}
# In no wheel, only with an installed ROS 2.
FROM_ROS = {'vision_msgs', 'launch', 'launch_ros'}


def sources(*roots: Path) -> list[Path]:
    return sorted(path for root in roots for path in root.rglob('*.py'))


def share_files() -> set[str]:
    """What belongs into share/drivseg_ros, relative to it."""
    return {
        path.relative_to(ROOT).as_posix()
        for top in ('config', 'launch')
        for path in (ROOT / top).rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    } | {'package.xml'}


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel of a copy of the tree: building leaves folders behind."""
    copy = tmp_path_factory.mktemp('source') / 'drivseg_ros'
    copy.mkdir()
    for name in ('setup.py', 'setup.cfg', 'pyproject.toml', 'package.xml', 'LICENSE'):
        shutil.copy(ROOT / name, copy)
    for name in ('drivseg_ros', 'config', 'launch', 'resource'):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns('__pycache__'))
    target = tmp_path_factory.mktemp('wheel')
    command = [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation']
    build = subprocess.run(
        [*command, '--wheel-dir', str(target), str(copy)], capture_output=True, text=True
    )
    assert build.returncode == 0, build.stdout + build.stderr
    return zipfile.ZipFile(next(target.glob('*.whl')))


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    return wheel.read(f'drivseg_ros-{drivseg_ros.__version__}.dist-info/{name}').decode()


@pytest.mark.filterwarnings('ignore:nodes.Node.traverse')  # catkin_pkg's
def test_the_version_is_the_same_everywhere(wheel: zipfile.ZipFile) -> None:
    stated = re.search(r'^Version: (.+)$', metadata(wheel, 'METADATA'), re.MULTILINE)
    assert stated is not None
    versions = {
        'package.xml': parse_package(ROOT / 'package.xml').version,
        'CHANGELOG.rst': next(get_changelog_from_path(ROOT / 'CHANGELOG.rst').foreach_version())[0],
        'wheel': stated.group(1),
    }
    assert versions == dict.fromkeys(versions, drivseg_ros.__version__)


def test_package_xml_is_valid_and_complete() -> None:
    package = parse_package(ROOT / 'package.xml')
    warnings: list[str] = []
    package.validate(warnings=warnings)
    assert warnings == []
    assert (package.package_format, package.licenses) == (3, ['Apache-2.0'])
    assert [(e.tagname, e.content) for e in package.exports] == [('build_type', 'ament_python')]


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition('.')[0])
    return found - {*sys.stdlib_module_names, 'drivseg_ros'}


def test_package_xml_names_everything_that_is_imported() -> None:
    package = parse_package(ROOT / 'package.xml')
    declared = {depend.name for depend in package.exec_depends}
    missing = {
        f'{path.relative_to(ROOT)} imports {module}'
        for path in sources(PACKAGE, ROOT / 'launch')
        for module in imported_modules(path)
        if ROSDEP.get(module, module) not in {*declared, None}
    }
    assert missing == set()


def test_the_wheel_requires_everything_that_is_imported(wheel: zipfile.ZipFile) -> None:
    users = [
        line.removeprefix('Requires-Dist: ')
        for line in metadata(wheel, 'METADATA').splitlines()
        if line.startswith('Requires-Dist: ') and not re.search(r'extra == .(test|dev)', line)
    ]
    stated = [re.split(r'[^\w.-]', line)[0] for line in users]
    required = {name.lower().replace('_', '-') for name in stated}
    homes = importlib.metadata.packages_distributions()
    missing = {
        f'{path.relative_to(ROOT)} imports {module}'
        for path in sources(PACKAGE)
        for module in imported_modules(path) - FROM_ROS
        if not {
            name.lower().replace('_', '-')
            for name in homes.get(module, [DISTRIBUTIONS.get(module, module)])
        }
        & required
    }
    assert missing == set()


def test_the_pythons_are_the_same_everywhere(wheel: zipfile.ZipFile) -> None:
    text = metadata(wheel, 'METADATA')
    minors = [int(n) for n in re.findall(r'^Classifier: .+ :: Python :: 3\.(\d+)$', text, re.M)]
    low, high = min(minors), max(minors)
    assert sorted(minors) == list(range(low, high + 1))
    assert f'\nRequires-Python: >=3.{low}\n' in text
    assert ((3, low), (3, high)) == TESTED
    bounds = f'(3, {low}) <= sys.version_info[:2] <= (3, {high})'
    assert bounds in (ROOT / 'scripts/python.sh').read_text()
    for name in ('README.md', 'docs/install.md', 'scripts/python.sh', 'scripts/test'):
        stated = re.findall(r'\b3\.\d+ to 3\.\d+', (ROOT / name).read_text())
        assert set(stated) == {f'3.{low} to 3.{high}'}, name


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in sources(PACKAGE)}
    assert {f for f in folders if not (f / '__init__.py').is_file()} == set()


def test_the_wheel_holds_every_module(wheel: zipfile.ZipFile) -> None:
    templates = PACKAGE.glob('*/*/templates/*')
    expected = {path.relative_to(ROOT).as_posix() for path in (*sources(PACKAGE), *templates)}
    assert expected | {'drivseg_ros/py.typed'} == {
        name for name in wheel.namelist() if name.startswith('drivseg_ros/')
    }


def test_the_wheel_puts_every_file_where_ros_looks_for_it(wheel: zipfile.ZipFile) -> None:
    prefix = f'drivseg_ros-{drivseg_ros.__version__}.data/data/'
    installed = {name.removeprefix(prefix) for name in wheel.namelist() if name.startswith(prefix)}
    expected = {f'share/drivseg_ros/{name}' for name in share_files()}
    assert installed == expected | {'share/ament_index/resource_index/packages/drivseg_ros'}


def test_the_wheel_carries_the_licence(wheel: zipfile.ZipFile) -> None:
    assert any(Path(name).name == 'LICENSE' for name in wheel.namelist())


def test_every_program_has_its_function(wheel: zipfile.ZipFile) -> None:
    entries = re.findall(r'^(\w+) = ([\w.]+):(\w+)$', metadata(wheel, 'entry_points.txt'), re.M)
    assert {name for name, _, _ in entries} == {'drivseg', 'segmentation_node'}
    for name, module, function in entries:
        if name == 'segmentation_node':
            pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
        assert callable(getattr(importlib.import_module(module), function))


def test_the_node_runs_with_what_apt_has_and_onnxruntime() -> None:
    pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
    others = {'rosbags', *(name for name, key in ROSDEP.items() if key is None)}
    script = (
        'import sys\n'
        f'sys.modules.update(dict.fromkeys({sorted(others)!r}))\n'
        'import drivseg_ros.node.run\n'
        'from drivseg_ros.segmenter import Segmenter\n'
        "with Segmenter.open('efficientnet_lite_fpn_lanes', engine='onnxruntime') as segmenter:\n"
        '    segmenter.warm_up()\n'
    )
    run = subprocess.run([sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_heart_imports_nothing_heavy() -> None:
    script = (
        'import sys\n'
        'import drivseg_ros.segmenter, drivseg_ros.images.codec, drivseg_ros.images.overlay\n'
        'print(*sys.modules)'
    )
    run = subprocess.run(
        [sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = set(run.stdout.split())
    assert 'cv2' in imported
    assert imported & {'torch', 'onnx', 'rclpy', 'rosbags', 'av', 'vision_msgs'} == set()
