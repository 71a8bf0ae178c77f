# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""numpy, OpenCV, onnxruntime and the other libraries that are always needed."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

from drivseg_ros.base.install_hint import pip_install
from drivseg_ros.doctor.finding import Finding, Section, note, problem, run_checks

_OPENCV_WHEELS = (
    'opencv-python-headless',
    'opencv-python',
    'opencv-contrib-python',
    'opencv-contrib-python-headless',
)
_ONNXRUNTIMES = (
    'onnxruntime',
    'onnxruntime-gpu',
    'onnxruntime-openvino',
    'onnxruntime-directml',
)
_OTHERS = ('rosbags', 'typer', 'rich', 'msgspec', 'psutil', 'platformdirs', 'filelock', 'Pillow')


def check_libraries() -> Section:
    """The section about libraries."""
    return run_checks(
        'Libraries',
        {
            'numpy': check_numpy,
            'OpenCV': check_opencv,
            'onnxruntime': check_onnxruntime_packages,
            'simplejpeg': check_simplejpeg,
            'others': check_others,
        },
    )


def check_numpy() -> Iterator[Finding]:
    """Which numpy is taken, and whether it can be imported."""
    yield _imported('numpy', 'numpy', pip_install('--force-reinstall', 'numpy>=1.26'))


def check_opencv(search_path: list[str] | None = None) -> Iterator[Finding]:
    """Which OpenCV is taken, whether it can be imported, and whether there are others."""
    cure = pip_install('--force-reinstall', 'opencv-python-headless>=4.6,<5')
    yield _imported('OpenCV', 'cv2', cure)
    version = getattr(sys.modules.get('cv2'), '__version__', '4.')
    if not version.startswith('4.'):
        yield note('OpenCV', f'{version} is not what drivseg_ros is tested with: 4', cure)
    wheels = [name for name in _OPENCV_WHEELS if version_of(name) is not None]
    if len(wheels) > 1:
        yield problem(
            'OpenCV',
            f'{len(wheels)} packages have written over each other: {", ".join(wheels)}',
            f'pip uninstall {" ".join(wheels)}, then {cure}',
        )
    folders = _folders_with('cv2', sys.path if search_path is None else search_path)
    if len(folders) > 1:
        taken, *hidden = map(str, folders)
        yield note('OpenCV', f'there are {len(folders)}: {taken} hides that in {", ".join(hidden)}')


def check_onnxruntime_packages() -> Iterator[Finding]:
    """Two packages write over each other; a GPU is idle under the one for CPUs."""
    from drivseg_ros.base.gpus import find_gpus

    installed = [name for name in _ONNXRUNTIMES if version_of(name) is not None]
    if len(installed) > 1:
        yield problem(
            'onnxruntime',
            f'{len(installed)} packages have written over each other: {", ".join(installed)}',
            f'pip uninstall {" ".join(installed)}, then {pip_install("onnxruntime")} (or another)',
        )
    elif find_gpus() and installed == ['onnxruntime']:
        yield note(
            'onnxruntime',
            'the package for CPUs, and there is an NVIDIA GPU',
            f'to use it: pip uninstall onnxruntime, then {pip_install("onnxruntime-gpu")} (or take '
            'engine tensorrt)',
        )


def check_simplejpeg() -> Iterator[Finding]:
    """Whether damaged JPEGs are noticed."""
    from drivseg_ros.images.jpeg_library import damage_goes_unnoticed, find_simplejpeg

    library = find_simplejpeg()
    if library is None:
        value, _, cure = damage_goes_unnoticed().rpartition('; ')
        yield note('simplejpeg', value, cure)
    else:
        yield Finding('simplejpeg', library.__version__)


def check_others() -> Iterator[Finding]:
    """The versions of the other libraries."""
    versions = {name: version_of(name) for name in _OTHERS}
    missing = [name for name, version in versions.items() if version is None]
    value = ', '.join(f'{name} {version or "missing"}' for name, version in versions.items())
    if missing:
        yield problem('others', value, pip_install(*missing))
    else:
        yield Finding('others', value)


def _imported(name: str, module_name: str, cure: str) -> Finding:
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name == module_name:
            return problem(name, 'not installed', cure, stops=True)
        return problem(name, f'cannot be imported: {error}', cure, stops=True)
    except Exception as error:  # a library that is missing, or built for another numpy
        lines = [line for line in str(error).splitlines() if line.strip()] or [repr(error)]
        return problem(name, f'cannot be imported: {lines[-1].strip()}', cure, stops=True)
    folder = Path(str(module.__file__)).parent
    return Finding(name, f'{module.__version__} in {folder}')


def _folders_with(package: str, search_path: list[str]) -> list[Path]:
    """The folders of the search path that hold the package, the one that is taken first."""
    found: dict[Path, None] = {}
    for entry in search_path:
        folder = Path(entry or '.')
        if (folder / package / '__init__.py').is_file() or any(folder.glob(f'{package}.*.so')):
            found[folder.resolve()] = None
    return list(found)


def version_of(distribution: str) -> str | None:
    """The version of an installed distribution; None if it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
