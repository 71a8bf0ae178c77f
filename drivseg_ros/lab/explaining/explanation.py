# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an explanation holds: maps in rows, and how a map lies over the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from drivseg_ros.errors import ModelError
from drivseg_ros.images.resizing import Placement
from drivseg_ros.model.card import ModelCard


@dataclass(frozen=True, eq=False)
class HeatMap:
    """How much each cell of a grid over the network's input counts.

    Args:
        name: short, unique in its explanation: 'stage 1, head 2', 'direct'.
        values: float32 [h, w], not negative.
        covered: the share of the input's height and of its width that the grid covers, from the
            upper left. An attention whose keys are reduced may leave out a margin.
        note: what a person should know of it: 'no pixel is predicted as this class'.

    Raises:
        ModelError: if a value is not finite, which only broken weights do.
    """

    name: str
    values: np.ndarray
    covered: tuple[float, float] = (1.0, 1.0)
    note: str = ''

    def __post_init__(self) -> None:
        if not np.isfinite(self.values).all():
            raise ModelError(
                f'the map of {self.name} is not finite; the weights of the checkpoint are broken: '
                'train or copy it again'
            )

    def over(
        self, placement: Placement, *, network: tuple[int, int], shape: tuple[int, int]
    ) -> Any:
        """The map over the image, interpolated linearly between the cells' centres.

        Args:
            placement: where the image lies in the network's input.
            network: (width, height) of the network's input.
            shape: (height, width) of the answer, which shows the whole image.

        Returns:
            float32 [height, width]; 0 beyond what is covered.
        """
        sides = []
        for axis, (start, size, whole) in enumerate(
            (
                (placement.top, placement.height, network[1]),
                (placement.left, placement.width, network[0]),
            )
        ):
            pixel = start + (np.arange(shape[axis]) + 0.5) * size / shape[axis]
            sides.append(pixel / (whole * self.covered[axis]))  # 0 to 1 over the grid
        rows, columns = (
            (side * cells - 0.5).clip(0, cells - 1).astype(np.float32)
            for side, cells in zip(sides, self.values.shape, strict=True)
        )
        grid = np.meshgrid(columns, rows)
        values = cv2.remap(self.values.astype(np.float32), grid[0], grid[1], cv2.INTER_LINEAR)
        values[sides[0] > 1] = 0
        values[:, sides[1] > 1] = 0
        return values

    def describe(self) -> dict[str, Any]:
        """As plain data: the grid, and where its peak and its centre lie, 0 to 1 of the input."""
        total = float(self.values.sum(dtype=np.float64))
        metrics: dict[str, Any] = {
            'name': self.name,
            'covered_height_width': list(self.covered),
            'sum': total,
            'peak': float(self.values.max()),
            'peak_x_y': None,
            'centre_x_y': None,
            'effective_cells': None,
            'values': [[float(f'{value:.6g}') for value in row] for row in self.values],
        }
        if self.note:
            metrics['note'] = self.note
        if total > 0:
            rows, columns = self.values.shape
            y = (np.arange(rows) + 0.5) / rows * self.covered[0]
            x = (np.arange(columns) + 0.5) / columns * self.covered[1]
            row, column = np.unravel_index(int(self.values.argmax()), self.values.shape)
            share = self.values.astype(np.float64) / total
            metrics['peak_x_y'] = [round(float(x[column]), 4), round(float(y[row]), 4)]
            centre = [float(share.sum(0) @ x), float(share.sum(1) @ y)]
            metrics['centre_x_y'] = [round(value, 4) for value in centre]
            metrics['effective_cells'] = round(effective_cells(self.values), 2)
        return metrics


@dataclass(frozen=True, eq=False)
class Explanation:
    """Maps over an image.

    Args:
        method: 'attention' or 'grad-cam'.
        question: what was asked about, for a person.
        rows: the maps, in rows with a title each.
        image: uint8 [H, W, 3] RGB.
        class_ids: what the network says of the image, uint8 [H, W].
        asked: the pixels asked about, bool at the network's size; None where each map has others.
        placement: where the image lies in the network's input.
        card: the network's.
        facts: what else belongs into the file: the layer, the sources.
    """

    method: str
    question: str
    rows: tuple[tuple[str, tuple[HeatMap, ...]], ...]
    image: np.ndarray
    class_ids: np.ndarray
    asked: np.ndarray | None
    placement: Placement
    card: ModelCard
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def maps(self) -> tuple[HeatMap, ...]:
        """All maps, row by row."""
        return tuple(heat for _, row in self.rows for heat in row)

    def describe(self) -> dict[str, Any]:
        """As plain data."""
        return {
            'kind': 'explanation',
            'method': self.method,
            'question': self.question,
            **self.facts,
            'network': {
                'name': self.card.name,
                'input_width': self.card.input_width,
                'input_height': self.card.input_height,
                'classes': list(self.card.class_names),
            },
            'image_in_the_input': {
                'left': self.placement.left,
                'top': self.placement.top,
                'width': self.placement.width,
                'height': self.placement.height,
            },
            'maps': [heat.describe() for heat in self.maps],
        }


def effective_cells(values: np.ndarray) -> float:
    """How many cells a map is spread over: e to the entropy of its shares.

    1 if a single cell has everything, the number of cells if all have the same.
    """
    share = values.astype(np.float64).ravel()
    share = share[share > 0] / share.sum()
    return float(np.exp(-(share * np.log(share)).sum()))
