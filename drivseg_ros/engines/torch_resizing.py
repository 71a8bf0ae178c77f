# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What images/resizing.py does, on a torch device.

Each axis is resized by itself: every sample of the result is the weighted sum of a few samples of
the source. Both the averaging over areas and the linear interpolation are of this form, and it
moves far fewer numbers than a product with the whole, nearly empty matrix would.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from drivseg_ros.images.resizing import Placement
from drivseg_ros.model.card import LETTERBOX_GREY


def area_weights(size: int, target: int) -> tuple[np.ndarray, np.ndarray]:
    """The weights of OpenCV's INTER_AREA along one axis that shrinks.

    Returns:
        Indices into the source, int64 [taps, target], and their weights, float32 [taps, target].
        Sample i of the result covers i s to (i + 1) s of the source, with s = size / target; the
        weight of a source sample is the share of that span it fills.
    """
    scale = size / target
    start = np.arange(target) * scale
    end = np.minimum(start + scale, size)
    # An edge that rounding put just beside a sample's border is on it.
    first = np.floor(start + 1e-9).astype(np.int64)
    last = np.ceil(end - 1e-9).astype(np.int64)
    taps = int((last - first).max())
    index = first + np.arange(taps)[:, None]
    filled = np.minimum(end, index + 1) - np.maximum(start, index)
    weight = filled.clip(0.0, None)
    weight /= weight.sum(axis=0)
    return index.clip(0, size - 1), weight.astype(np.float32)


def linear_weights(size: int, target: int) -> tuple[np.ndarray, np.ndarray]:
    """The weights of OpenCV's INTER_LINEAR along one axis: half-pixel centres, two taps."""
    position = ((np.arange(target) + 0.5) * size / target - 0.5).clip(0, size - 1)
    lower = np.floor(position).astype(np.int64)
    weight = position - lower
    index = np.stack([lower, np.minimum(lower + 1, size - 1)])
    return index, np.stack([1.0 - weight, weight]).astype(np.float32)


def nearest_indices(size: int, target: int) -> np.ndarray:
    """The source sample of each result under OpenCV's INTER_NEAREST_EXACT, int64 [target].

    OpenCV itself is asked, so that its fixed-point rounding is the same on every device.
    """
    samples = np.arange(size, dtype=np.int32).view(np.float32).reshape(1, size)
    taken = cv2.resize(samples, (target, 1), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.ascontiguousarray(taken).view(np.int32).reshape(target).astype(np.int64)


class DevicePlacing:
    """Brings images of one size into their rectangle of the network's input; see `place_image`.

    Args:
        shape: height and width of the images.
        placement: the rectangle.
        device: where the tensors are.
        turned: whether the images' channels are blue, green, red.
    """

    def __init__(
        self, shape: tuple[int, int], placement: Placement, *, device: torch.device, turned: bool
    ) -> None:
        target = (placement.height, placement.width)
        self._placement = placement
        self._turned = turned
        rows, columns = target = (placement.height, placement.width)
        # OpenCV rounds the mean of 2x2 upwards at one half, everything else to the even number.
        self._half_up = shape == (2 * rows, 2 * columns)
        self._axes: list[tuple[int, list[Tensor], list[Tensor]]] = []
        self._blocks: tuple[int, ...] = ()
        if shape == target:
            return
        if shape[0] % rows == 0 and shape[1] % columns == 0:
            self._blocks = (rows, shape[0] // rows, columns, shape[1] // columns, 3)
            return
        shrinks = shape[0] >= rows and shape[1] >= columns
        weigh = area_weights if shrinks else linear_weights
        # The axis that leaves less to do for the other one goes first.
        rows_first = rows * shape[1] <= shape[0] * columns
        for axis in (0, 1) if rows_first else (1, 0):
            if shape[axis] == target[axis]:
                continue
            index, weight = weigh(shape[axis], target[axis])
            behind = (-1, 1, 1)[: 3 - axis]
            indices = [torch.from_numpy(i).to(device) for i in index]
            weights = [torch.from_numpy(w).to(device).reshape(behind) for w in weight]
            self._axes.append((axis, indices, weights))

    def __call__(self, image: Tensor, target: Tensor) -> None:
        """Resizes an image, uint8 [H, W, 3], into the network's input, uint8 [h, w, 3]."""
        place = self._placement
        if (place.height, place.width) != tuple(target.shape[:2]):
            target.fill_(LETTERBOX_GREY)
            target = target[place.rows, place.columns]
        x = self._resize(image)
        target.copy_(x.flip(2) if self._turned else x)

    def _resize(self, image: Tensor) -> Tensor:
        if self._blocks:  # whole ratios: sums of blocks are exact, in OpenCV as well
            _, height, _, width, _ = self._blocks
            x = image.reshape(self._blocks).sum(dim=(1, 3), dtype=torch.float32)
            x = x * (1.0 / (height * width))
        elif self._axes:
            x = image
            for axis, indices, weights in self._axes:
                x = _weighted_sum(x, axis, indices, weights)
        else:
            return image
        return torch.floor(x + 0.5) if self._half_up else torch.round(x)


class DeviceRestoring:
    """Brings planes of results to the size of the images they came from; see `restore_plane`.

    Args:
        shape: height and width of the images.
        placement: the rectangle of the network's input that they covered.
        device: where the tensors are.
    """

    def __init__(
        self, shape: tuple[int, int], placement: Placement, *, device: torch.device
    ) -> None:
        self._placement = placement
        self._indices = [
            None if size == target else torch.from_numpy(nearest_indices(size, target)).to(device)
            for size, target in zip((placement.height, placement.width), shape, strict=True)
        ]

    def __call__(self, planes: Tensor, target: Tensor) -> None:
        """Resizes planes, uint8 [..., h, w], into others of the images' size, [..., H, W]."""
        x = planes[..., self._placement.rows, self._placement.columns]
        rows, columns = self._indices
        # Columns first, while there are few rows.
        if columns is not None:
            x = x.index_select(-1, columns)
        if rows is not None:
            torch.index_select(x, -2, rows, out=target)
        else:
            target.copy_(x)


def _weighted_sum(x: Tensor, axis: int, indices: list[Tensor], weights: list[Tensor]) -> Tensor:
    total: Tensor | None = None
    for index, weight in zip(indices, weights, strict=True):
        part = x.index_select(axis, index) * weight
        total = part if total is None else total.add_(part)
    if total is None:
        raise ValueError('an axis without weights')
    return total
