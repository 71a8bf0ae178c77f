# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a training run on disk, as .safetensors: nothing is pickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from drivseg_ros.errors import MissingDependencyError, ParameterError

try:
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import save_file
except ImportError:
    raise MissingDependencyError(
        "training needs safetensors, which is not installed: pip install 'drivseg_ros[train]'"
    ) from None

PROGRESS_KEY = 'drivseg.progress'


def save_state(
    path: Path,
    networks: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    progress: Mapping[str, float],
) -> None:
    """Write networks, the optimiser's memory and the progress; replaces the file at once.

    Args:
        path: The file.
        networks: Networks by a name without '/'.
        optimizer: Has only tensors in its memory, as AdamW.
        progress: Numbers by name.
    """
    tensors = {
        f'{name}/{key}': value
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }
    for index, memory in optimizer.state_dict()['state'].items():
        tensors |= {f'optimizer/{index}/{key}': value for key, value in memory.items()}
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    partial = path.with_suffix('.partial')
    save_file(contiguous, str(partial), metadata={PROGRESS_KEY: json.dumps(dict(progress))})
    partial.replace(path)


def load_state(
    path: Path, networks: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer
) -> dict[str, float]:
    """Put a state back into networks and optimiser of the same making.

    Returns:
        The progress.

    Raises:
        ParameterError: If the file is damaged, or belongs to other networks.
    """
    try:
        with safe_open(str(path), framework='pt') as file:
            progress = json.loads(file.metadata()[PROGRESS_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for name, network in networks.items():
            network.load_state_dict(_below(tensors, name))
        memory: dict[int, dict[str, Tensor]] = {}
        for name, value in _below(tensors, 'optimizer').items():
            index, key = name.split('/')
            memory.setdefault(int(index), {})[key] = value
        groups = optimizer.state_dict()['param_groups']
        optimizer.load_state_dict({'state': memory, 'param_groups': groups})
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ParameterError(
            f'{path} is damaged or belongs to another network ({error}); '
            'remove it, or name another folder'
        ) from None
    return progress


def _below(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f'{name}/'
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
