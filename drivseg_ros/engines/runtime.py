# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of a runtime before it is imported: its descriptor."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drivseg_ros.engines.base import Engine, EngineOptions, OnProgress
from drivseg_ros.model.file import ModelFile


@dataclass(frozen=True)
class Description:
    """What an installed runtime is, and what it can use on this machine.

    Attributes:
        version: its version, with what matters of how it was built.
        devices: the devices it can use here, such as 'cpu' or 'cuda:0 (its name)'; none if the
            machine has none for it.
        remark: what else is worth knowing; '' if nothing is.
    """

    version: str
    devices: tuple[str, ...]
    remark: str = ''


@dataclass(frozen=True)
class Runtime:
    """A runtime: one in each engine's file, listed in registry.py.

    Whoever asks what there is (`--help`, doctor, benchmarks, the table in the documentation) reads
    this; nothing of the runtime is imported for it.

    Attributes:
        name: the value of the option `engine`.
        packages: the Python packages of which one must be installed.
        extra: of the extras in setup.py, the one that installs it; '' is the base installation.
        precisions: what it can run an fp32 or int8 file in, by kind of device ('cpu', 'cuda',
            'gpu', 'npu'); the device at hand may lack some of them.
        auto: the kinds of devices on which 'auto' may take it.
        builds: the kinds of devices for which it builds something that is kept, in minutes.
        checkpoints: whether it runs checkpoints (.safetensors), and not model files (.onnx).
        note: what the documentation says of its installation, beside the extra.
        load: imports its library.
        describe: what it is on this machine. Raises as `load`.
        create: makes an engine. Raises as `create_engine`.
    """

    name: str
    packages: tuple[str, ...]
    extra: str
    precisions: Mapping[str, tuple[str, ...]]
    load: Callable[[], object]
    describe: Callable[[], Description]
    create: Callable[[ModelFile, EngineOptions, OnProgress], Engine]
    auto: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    checkpoints: bool = False
    note: str = ''

    @property
    def is_installed(self) -> bool:
        """Whether one of its packages is installed."""
        return any(importlib.util.find_spec(name) is not None for name in self.packages)

    def runs(self, model: ModelFile) -> bool:
        """Whether it runs files of this kind."""
        return self.checkpoints == model.is_checkpoint
