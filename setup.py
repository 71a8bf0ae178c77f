# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Installs drivseg_ros, for pip and for colcon (ament_python) alike."""

from __future__ import annotations

import os
import re
from pathlib import Path

from setuptools import find_packages, setup

NAME = 'drivseg_ros'
PYTHONS = range(10, 15)  # the minor versions that it is tested with
# colcon's --symlink-install runs a link to this file in its build folder; the files to install lie
# beside the real one.
ROOT = Path(__file__).resolve().parent


def version() -> str:
    """The version that the package itself states."""
    text = (ROOT / NAME / '__init__.py').read_text()
    found = re.search(r"^__version__ = '(.+)'$", text, re.MULTILINE)
    if not found:
        raise RuntimeError(f'{NAME}/__init__.py states no __version__')
    return found.group(1)


def data_files() -> list[tuple[str, list[str]]]:
    """Everything below launch/ and config/, folder by folder, so that no new file is forgotten.

    Returns:
        Pairs of a folder under the install prefix and the files, relative to this one, that belong
        there.
    """
    share = f'share/{NAME}'
    pairs = [
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (share, ['package.xml']),
    ]
    for top in ('config', 'launch'):
        for folder, subfolders, files in os.walk(ROOT / top):
            subfolders[:] = sorted(s for s in subfolders if s != '__pycache__')
            here = Path(folder).relative_to(ROOT).as_posix()
            kept = sorted(f for f in files if not f.startswith('.') and not f.endswith('~'))
            if kept:
                pairs.append((f'{share}/{here}', [f'{here}/{name}' for name in kept]))
    return pairs


# The lower bounds of numpy, OpenCV, psutil and rich are Ubuntu 24.04's; tests run with these, too.
REQUIRED = [
    'numpy>=1.26',
    # 5 is not proven yet. Headless: the Qt inside the other wheel quarrels with the system's.
    'opencv-python-headless>=4.6,<5',
    'onnxruntime>=1.17',
    'msgspec>=0.18.6',
    'psutil>=5.9.8',
    'Pillow>=10',  # pictures and labels that are WebP, AVIF (from 11.3), BMP or TIFF
    'filelock>=3.24',  # the first that tells a file system without locks from a held lock
    'platformdirs>=4.2',
    'simplejpeg>=1.9',  # what is damaged in a JPEG; the node runs without it, and says so
    'nvidia-ml-py>=12.550',  # a file of Python, of use only where there is an NVIDIA GPU
    'rosbags>=0.11.7',
    # Of rosbags' own requirements, these are used by our code as well.
    'backports.zstd; python_version < "3.14"',
    'lz4>=4.0',
    'ruamel.yaml>=0.17.21',
    'typer>=0.12.4',  # the first that takes `Path | None` for an option
    'rich>=13.7',
]
ROS = [
    'ros-rclpy[fastrtps]',
    'ros-diagnostic-msgs',
    'ros-geometry-msgs',
    'ros-lifecycle-msgs',
    'ros-nav-msgs',
    'ros-rcl-interfaces',
    'ros-rosgraph-msgs',
    'ros-sensor-msgs',
    'ros-std-msgs',
    'ros-std-srvs',
]
REPORT = ['adjustText>=1.3', 'av>=12', 'jinja2>=3.1', 'matplotlib>=3.6']
# 1.17 is the first that knows opset 22, the first whose convolutions take bfloat16.
ONNX = ['onnx>=1.17', 'protobuf>=4.25']
# An engine each. tensorrt_rtx is NVIDIA's TensorRT for RTX, which comes from the package index and
# builds plans without a GPU; the other one is a large download, and part of JetPack.
OPENVINO = ['openvino>=2024.0']
TORCH = ['torch>=2.5', 'safetensors>=0.4']
TENSORRT = ['tensorrt>=10.1', 'cuda-bindings>=12.6', *ONNX]
TENSORRT_RTX = ['tensorrt_rtx>=1.2', 'cuda-bindings>=12.6', *ONNX]
# `drivseg import` and `drivseg quantize`.
MODELS = ONNX
# Networks to train: several GB, with the torch that torchvision is made for. 0.21 is the first
# with v2.Transform.make_params, segmentation-models-pytorch 0.5 the first whose SegFormer gives
# its logits without up-sampling.
TRAIN = [
    *TORCH,
    *ONNX,
    'torchvision>=0.21',
    'segmentation-models-pytorch>=0.5',
    'huggingface_hub>=0.34',
    'lightning>=2.4',
    'matplotlib>=3.6',
    'PyYAML>=6',
]
# Keeps a record of training runs, where it is installed.
MLFLOW = ['mlflow>=2.10']
# Evaluates bags on a cluster.
RAY = ['ray>=2.31']
# `colcon test` runs pytest if the extra 'test' names it.
TEST = [
    'catkin_pkg>=1.0',
    'hypothesis>=6.98',
    *ONNX,
    'pytest>=7.4',
    'PyYAML>=6',
    'scikit-learn>=1.3',
    'setuptools>=70.1',
]
# The documentation site. mkdocs 2 has no plugins, on which these are built.
DOCS = ['mkdocs>=1.6,<2', 'mkdocs-material>=9.5', 'mkdocstrings[python]>=0.26']
# Playwright drives the Chromium that is installed, where there is one.
DEV = [
    *TEST,
    *DOCS,
    'mypy>=1.13',
    'playwright>=1.40',
    'pytest-xdist>=3.5',
    'ruff>=0.9',
    'types-PyYAML',
]

setup(
    name=NAME,
    version=version(),
    description='Drivable-area segmentation of camera images for ROS 2',
    author='The drivseg_ros authors',
    license='Apache-2.0',
    classifiers=[
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        *(f'Programming Language :: Python :: 3.{minor}' for minor in PYTHONS),
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={NAME: ['py.typed'], f'{NAME}.report.page': ['templates/*']},
    data_files=data_files(),
    python_requires=f'>=3.{min(PYTHONS)}',
    install_requires=REQUIRED,
    extras_require={
        'ros': ROS,
        'openvino': OPENVINO,
        'torch': TORCH,
        'tensorrt': TENSORRT,
        # Older versions of pip do not take an underscore for a hyphen.
        'tensorrt-rtx': TENSORRT_RTX,
        'models': MODELS,
        'report': REPORT,
        'train': TRAIN,
        'mlflow': MLFLOW,
        'ray': RAY,
        'docs': DOCS,
        'test': TEST,
        'dev': DEV,
    },
    entry_points={
        'console_scripts': [
            'drivseg = drivseg_ros.cli.main:main',
            'segmentation_node = drivseg_ros.node.segmentation_node:main',
        ],
    },
    zip_safe=True,
)
