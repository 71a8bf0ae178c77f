# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The attention of a Mix Transformer (SegFormer; Xie et al., NeurIPS 2021), stage by stage.

Every position of a stage asks (query) all cells of a grid that is `sr_ratio` times coarser (keys):
softmax(q kᵀ / sqrt(d)), equations 1 and 2 of the paper. The q and k are those that the network's
own layers give during a forward pass. For several queries it is the mean of their rows, so that
each map sums to 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from drivseg_ros.errors import ModelError
from drivseg_ros.lab.explaining.explanation import HeatMap
from drivseg_ros.lab.explaining.pixels import grid_weights

BLOCKS = ('last', 'mean')
_PARTS = ('q', 'kv', 'num_heads', 'scale', 'sr_ratio')
_QUERIES_AT_ONCE = 2048


@dataclass(frozen=True, eq=False)
class BlockAttention:
    """The attention of one block.

    Args:
        stage: of the transformer, from 1.
        block: in its stage, from 1.
        heads: a map for each head; each sums to 1.
    """

    stage: int
    block: int
    heads: tuple[HeatMap, ...]


def has_attention(network: nn.Module) -> bool:
    """Whether a network has modules of the kind that `attention_of` reads."""
    return any(True for _ in _attention_modules(network))


def attention_of(network: nn.Module, planes: Tensor, mask: np.ndarray) -> list[BlockAttention]:
    """The attention of all blocks in a forward pass.

    Args:
        network: with a Mix Transformer in it, in evaluation mode.
        planes: float32 [1, 3, H, W].
        mask: the pixels whose queries are meant, bool [H, W], true somewhere. A position of a
            stage counts by the pixels that fall into it.

    Returns:
        Block by block, in the order of the network.

    Raises:
        ModelError: if the network has no such attention.
    """
    taps = [_Tap(name, module) for name, module in _attention_modules(network)]
    if not taps:
        raise ModelError(
            'the network has no attention of the Mix Transformer kind; ask for --method grad-cam'
        )
    with ExitStack() as stack:
        for tap in taps:
            tap.listen(stack, mask)
        with torch.no_grad():
            network(planes)
    found: list[BlockAttention] = []
    stages: list[str] = []
    for tap in taps:
        if tap.maps is None:
            continue  # a part that this forward pass does not use
        if tap.stage not in stages:
            stages.append(tap.stage)
        stage = len(stages)
        block = 1 + sum(one.stage == stage for one in found)
        found.append(BlockAttention(stage, block, tap.heads(stage)))
    return found


def by_stage(blocks: list[BlockAttention], which: str) -> list[tuple[HeatMap, ...]]:
    """The heads of each stage: of its last block, or the mean over its blocks.

    Args:
        blocks: of `attention_of`.
        which: 'last' or 'mean'.
    """
    rows = []
    for stage in sorted({one.stage for one in blocks}):
        of_stage = [one for one in blocks if one.stage == stage]
        last = of_stage[-1]
        if which == 'last':
            rows.append(last.heads)
            continue
        values = np.mean([[head.values for head in one.heads] for one in of_stage], axis=0)
        rows.append(
            tuple(
                HeatMap(head.name, mean.astype(np.float32), head.covered)
                for head, mean in zip(last.heads, values, strict=True)
            )
        )
    return rows


@dataclass
class _Tap:
    """Reads the q and k of one attention module while the network runs."""

    name: str
    module: nn.Module
    maps: np.ndarray | None = None
    covered: tuple[float, float] = (1.0, 1.0)
    _seen: dict[str, Tensor] = field(default_factory=dict)

    @property
    def stage(self) -> str:
        """The part of the name that the blocks of a stage share."""
        # '....block3.17.attn'
        return self.name.rsplit('.', 2)[0]

    def listen(self, stack: ExitStack, mask: np.ndarray) -> None:
        def keep(part: str) -> Any:
            def hook(module: nn.Module, given: tuple[Any, ...], output: Tensor) -> None:
                self._seen[part] = output.detach()

            return hook

        def finish(module: nn.Module, given: tuple[Any, ...], output: Tensor) -> None:
            _, height, width = given
            self._compute(mask, int(height), int(width))

        for part in ('q', 'kv'):
            handle = getattr(self.module, part).register_forward_hook(keep(part))
            stack.callback(handle.remove)
        stack.callback(self.module.register_forward_hook(finish).remove)

    def _compute(self, mask: np.ndarray, height: int, width: int) -> None:
        heads, ratio = int(self.module.num_heads), int(self.module.sr_ratio)  # type: ignore[arg-type]
        queries, both = self._seen.pop('q')[0], self._seen.pop('kv')[0]
        width_of_head = queries.shape[1] // heads
        queries = queries.reshape(-1, heads, width_of_head).transpose(0, 1)
        keys = both.reshape(len(both), 2, heads, width_of_head)[:, 0].permute(1, 2, 0)
        rows, columns = height // ratio, width // ratio
        self.covered = (rows * ratio / height, columns * ratio / width)
        weights = torch.from_numpy(grid_weights(mask, rows=height, columns=width).ravel())
        chosen = weights.nonzero()[:, 0]
        total = torch.zeros(heads, rows * columns, dtype=torch.float64)
        for part in chosen.split(_QUERIES_AT_ONCE):
            scores = queries[:, part] @ keys * float(self.module.scale)  # type: ignore[arg-type]
            rows_of_attention = scores.double().softmax(dim=-1)
            total += (rows_of_attention * weights[part][None, :, None]).sum(1)
        self.maps = total.reshape(heads, rows, columns).float().numpy()

    def heads(self, stage: int) -> tuple[HeatMap, ...]:
        """A map for each head."""
        return tuple(
            HeatMap(f'stage {stage}, head {number}', values, self.covered)
            for number, values in enumerate(self.maps if self.maps is not None else (), start=1)
        )


def _attention_modules(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, module in network.named_modules():
        if all(hasattr(module, part) for part in _PARTS):
            yield name, module
