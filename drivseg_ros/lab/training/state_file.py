# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a run on disk: Lightning's whole checkpoint as .safetensors, nothing pickled.

Tensors lie in the file as tensors, everything round them as JSON in its metadata. A reader of
such a file can be given wrong numbers, but never code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import TrainingError
from drivseg_ros.lab.training.lightning_library import CheckpointIO

STATE_KEY = 'drivseg.training_state'
_ADVICE = 'make room for it, then go on with --resume'


class SafetensorsIO(CheckpointIO):
    """How Lightning writes and reads checkpoints in our runs."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Writes a checkpoint; an older one at the path stays until the new one is whole.

        Raises:
            TrainingError: If it holds what is no tensor and no JSON.
            DataError: If it cannot be written.
        """
        tensors: dict[str, Tensor] = {}
        text = json.dumps(_encode(checkpoint, tensors, 'checkpoint'))
        with whole_file(Path(path), durable=True, advice=_ADVICE) as partial:
            partial.write_bytes(save(tensors, {STATE_KEY: text}))

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Reads a checkpoint; its tensors lie on the CPU.

        Raises:
            TrainingError: If it is missing, damaged, or no state of a run.
        """
        try:
            with safe_open(str(path), framework='pt') as file:
                text = (file.metadata() or {})[STATE_KEY]
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return _decode(json.loads(text), tensors)
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
            raise TrainingError(
                f'{path} is no state of a training run, or damaged ({error}); start the run again '
                'in another folder'
            ) from None

    def remove_checkpoint(self, path: str | Path) -> None:
        """Removes a checkpoint."""
        Path(path).unlink(missing_ok=True)


def _encode(value: Any, tensors: dict[str, Tensor], path: str) -> Any:
    """JSON of a value; its tensors go into `tensors` by their path."""
    if isinstance(value, Tensor):
        copy = value.detach().cpu()
        layout = _layout(copy)
        # A clone, because a file has no two tensors in one memory.
        tensors[path] = copy.clone(memory_format=torch.contiguous_format)
        return {'tensor': path, 'layout': layout}
    if isinstance(value, Mapping):
        pairs = [[key, _encode(v, tensors, f'{path}/{key}')] for key, v in value.items()]
        if not all(isinstance(key, (str, int)) for key, _ in pairs):
            raise TrainingError(f'{path} has keys that are no text and no integers')
        return {'dict': pairs}
    if isinstance(value, (list, tuple)):
        items = [_encode(v, tensors, f'{path}/{index}') for index, v in enumerate(value)]
        return {'tuple': items} if isinstance(value, tuple) else items
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TrainingError(f'{path} is a {type(value).__name__}, which a state cannot hold')


def _decode(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_decode(v, tensors) for v in value]
    if not isinstance(value, dict):
        return value
    if 'tensor' in value:
        tensor = tensors[value['tensor']]
        if value['layout'] == 'channels_last':
            # The memory's order decides which kernels run, and so the last bits of a result.
            return tensor.contiguous(memory_format=torch.channels_last)
        return tensor
    if 'tuple' in value:
        return tuple(_decode(v, tensors) for v in value['tuple'])
    return {key: _decode(v, tensors) for key, v in value['dict']}


def _layout(tensor: Tensor) -> str:
    last = tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return 'channels_last' if last and not tensor.is_contiguous() else 'contiguous'
