# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the packages of onnxruntime are as they should be."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

from drivseg_ros.base.install_hint import pip_install
from drivseg_ros.doctor.finding import Finding, Section, note, problem, run_checks

_PACKAGES = ('onnxruntime', 'onnxruntime-gpu', 'onnxruntime-openvino', 'onnxruntime-directml')


def check_packages() -> Section:
    """The section about runtimes' packages, empty where all is well."""
    return run_checks('Packages of runtimes', {'onnxruntime': check_onnxruntime_packages})


def check_onnxruntime_packages() -> Iterator[Finding]:
    """Two packages write over each other; a GPU is idle under the one for CPUs."""
    from drivseg_ros.base.gpus import find_gpus

    installed = [name for name in _PACKAGES if _is_installed(name)]
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
            'engine torch or tensorrt)',
        )


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
