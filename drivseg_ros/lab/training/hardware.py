# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a run is trained on, checked before anything is loaded."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Any

import torch

from drivseg_ros.engines.torch_device import choose_device
from drivseg_ros.errors import EngineError, ParameterError

_LIGHTNING_PRECISIONS = {'32': '32-true', 'bf16-mixed': 'bf16-mixed', '16-mixed': '16-mixed'}


@dataclass(frozen=True)
class Hardware:
    """Devices and precision.

    Args:
        kind: 'cpu' or 'cuda'.
        index: Which GPU, where it is one.
        count: How many devices.
        precision: One of `recipe.PRECISIONS`.
    """

    kind: str
    index: int
    count: int
    precision: str

    @classmethod
    def choose(cls, device: str, devices: int, precision: str) -> Hardware:
        """The devices asked for.

        Raises:
            EngineError: If they are not there.
            ParameterError: If they do not calculate in the precision.
        """
        if devices < 1:
            raise ParameterError(f'{devices} devices were asked for; at least 1 is allowed')
        chosen = choose_device(device)
        if chosen.type == 'cuda' and devices > torch.cuda.device_count():
            raise EngineError(
                f'{devices} GPUs were asked for, and torch finds {torch.cuda.device_count()}; '
                'ask for fewer (--devices)'
            )
        if chosen.type == 'cuda' and devices > 1 and ':' in device:
            raise ParameterError(
                f'{devices} devices and {device} were asked for; name the GPU or their number'
            )
        if precision == '16-mixed' and chosen.type == 'cpu':
            raise ParameterError(
                'the recipe has the precision 16-mixed, which a GPU is needed for; on a CPU 32 '
                'and bf16-mixed are allowed'
            )
        if precision == 'bf16-mixed' and chosen.type == 'cuda':
            capability = torch.cuda.get_device_capability(chosen)
            if capability < (8, 0):
                raise ParameterError(
                    f'the recipe has the precision bf16-mixed, which a GPU of compute capability '
                    f'8.0 is needed for; this one has {capability[0]}.{capability[1]}: take '
                    '16-mixed or 32'
                )
        return cls(chosen.type, chosen.index or 0, devices, precision)

    @property
    def is_cpu(self) -> bool:
        """Whether it is no GPU."""
        return self.kind == 'cpu'

    @property
    def words(self) -> str:
        """For a person: what, and how many."""
        what = (
            f'{platform.machine()} CPU, {torch.get_num_threads()} threads'
            if self.is_cpu
            else torch.cuda.get_device_name(self.index)
        )
        return what if self.count == 1 else f'{self.count} x {what}'

    def trainer_arguments(self, *, freezes: bool) -> dict[str, Any]:
        """What Lightning's Trainer gets of them.

        Args:
            freezes: Whether parts of the network are frozen in some epochs.
        """
        several = 'ddp_find_unused_parameters_true' if freezes else 'ddp'
        one = 1 if self.is_cpu else [self.index]
        return {
            'accelerator': 'cpu' if self.is_cpu else 'gpu',
            'devices': self.count if self.count > 1 else one,
            'strategy': 'auto' if self.count == 1 else several,
            'precision': _LIGHTNING_PRECISIONS[self.precision],
            'sync_batchnorm': self.count > 1 and not self.is_cpu,
        }
