# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO without its telemetry, the devices it runs on, and their precisions."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from drivseg_ros.base.cpu_features import cpu_features
from drivseg_ros.base.library import import_library
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import ModelFile

if TYPE_CHECKING:
    import openvino

_KINDS = {'cpu': 'CPU', 'gpu': 'GPU', 'npu': 'NPU'}
# Ours -> OpenVINO's name of the type, and of the capability that a device needs for it.
_PRECISIONS = {'fp32': ('f32', 'FP32'), 'fp16': ('f16', 'FP16'), 'bf16': ('bf16', 'BF16')}
_INT8 = 'INT8'
_TELEMETRY = 'openvino_telemetry'


def load_openvino() -> ModuleType:
    """Imports openvino.

    Its `__init__` reports each import to its maker through the package openvino_telemetry, unless
    that package is missing. A vehicle's software reports nothing to anybody, so it is missing
    while openvino is imported here. (A process that imported openvino by itself before is not
    ours to change.)

    Raises:
        MissingDependencyError: if openvino is not installed.
        EngineError: if it is installed and cannot be imported.
    """
    hide = 'openvino' not in sys.modules and _TELEMETRY not in sys.modules
    if hide:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # makes its import fail
    try:
        return import_library('openvino', extra='openvino')
    finally:
        if hide:
            del sys.modules[_TELEMETRY]


@dataclass(frozen=True)
class OpenvinoDevice:
    """A device that OpenVINO lists.

    Attributes:
        name: our name, such as 'cpu' or 'gpu:0'.
        openvino_name: OpenVINO's, such as 'CPU' or 'GPU.0'.
        full_name: its maker's.
        capabilities: what it can compute in, in OpenVINO's words; bf16 only where it is fast.
    """

    name: str
    openvino_name: str
    full_name: str
    capabilities: frozenset[str]

    @property
    def is_cpu(self) -> bool:
        """Whether it is the CPU."""
        return self.name == 'cpu'

    @property
    def precisions(self) -> tuple[str, ...]:
        """The precisions it can compute in."""
        floats = [p for p, (_, needed) in _PRECISIONS.items() if needed in self.capabilities]
        return (*floats, *(['int8'] if _INT8 in self.capabilities else []))

    def is_among(self, executing: Sequence[str]) -> bool:
        """Whether a compiled model's EXECUTION_DEVICES are this device and no other one."""
        kind, _, index = self.openvino_name.partition('.')
        return all(
            given.partition('.')[0] == kind
            and (not index or given.partition('.')[2] in ('', index))
            for given in executing
        ) and bool(executing)


def list_devices(core: openvino.Core) -> list[OpenvinoDevice]:
    """The devices that OpenVINO finds on this machine."""
    devices = []
    for listed in core.available_devices:
        kind, _, index = listed.partition('.')
        if kind not in _KINDS.values():
            continue
        capabilities = set(core.get_property(listed, 'OPTIMIZATION_CAPABILITIES'))
        # OpenVINO lists bf16 for every CPU with AVX-512, and emulates it, slowly, where the CPU
        # has no instructions for it.
        if kind == 'CPU' and 'bf16' not in cpu_features():
            capabilities.discard('BF16')
        devices.append(
            OpenvinoDevice(
                name=f'gpu:{index or 0}' if kind == 'GPU' else kind.lower(),
                openvino_name=f'GPU.{index or 0}' if kind == 'GPU' else listed,
                full_name=str(core.get_property(listed, 'FULL_DEVICE_NAME')),
                capabilities=frozenset(capabilities),
            )
        )
    return devices


def choose_device(core: openvino.Core, wanted: str) -> OpenvinoDevice:
    """The device by our name.

    Args:
        core: OpenVINO.
        wanted: 'auto' (a GPU with memory of its own if there is one, else the CPU), 'cpu', 'gpu',
            'gpu:INDEX' or 'npu'.

    Raises:
        EngineError: if the name is unknown, or OpenVINO lists no such device.
    """
    kind, _, index = wanted.partition(':')
    indexed = wanted != kind
    if wanted != 'auto' and (kind not in _KINDS or (indexed and (kind != 'gpu' or not _is(index)))):
        raise EngineError(
            f"unknown device {wanted!r}; openvino takes 'auto', 'cpu', 'gpu', 'gpu:INDEX' or 'npu'"
        )
    devices = list_devices(core)
    if wanted == 'auto':
        wanted = next((d.name for d in devices if _is_discrete_gpu(core, d)), 'cpu')
    elif wanted == 'gpu':
        wanted = 'gpu:0'
    for device in devices:
        if device.name == wanted:
            return device
    raise EngineError(
        f'device {wanted!r} was asked for, but OpenVINO lists only '
        f'{", ".join(d.name for d in devices) or "none"}; install the driver of the device (for '
        "GPUs, Intel's OpenCL and Level Zero runtimes), or ask for 'auto' or 'cpu'"
    )


def choose_precision(model: ModelFile, wanted: str, device: OpenvinoDevice) -> tuple[str, str]:
    """The precision to run a model in.

    Args:
        model: the model file.
        wanted: 'auto' (the file's own) or a precision.
        device: where it runs.

    Returns:
        Our name of it, and OpenVINO's name of the type between the layers.

    Raises:
        EngineError: if file or device cannot be run in it.
    """
    own = model.card.precision
    precision = own if wanted == 'auto' else wanted
    possible = [p for p in device.precisions if (p == 'int8') == (own == 'int8')]
    if precision not in possible:
        hint = '; drivseg quantize makes an int8 file of it' if precision == 'int8' != own else ''
        raise EngineError(
            f'precision {wanted!r} was asked for, and {model.path} is {own}; openvino can run it '
            f'on {device.name} ({device.full_name}) in {", ".join(possible) or "no precision"}'
            f'{hint}'
        )
    if precision == 'int8':
        # The layers that are not quantised.
        precision = 'fp32' if 'fp32' in device.precisions else 'fp16'
        return 'int8', _PRECISIONS[precision][0]
    return precision, _PRECISIONS[precision][0]


def _is(index: str) -> bool:
    return index.isascii() and index.isdigit()


def _is_discrete_gpu(core: openvino.Core, device: OpenvinoDevice) -> bool:
    return device.name.startswith('gpu') and 'DISCRETE' in str(
        core.get_property(device.openvino_name, 'DEVICE_TYPE')
    )
