# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a frame itself says about the camera: dark, overexposed, blocked, the same as before."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_BLOCK = 8  # pixels of the small version, in each direction
_ROWS, _COLUMNS = 11, 20  # blocks, or as many as a smaller frame has
_DARK, _BRIGHT = 24, 250  # grey values
_DETAIL = 1.0  # mean step between neighbours, in grey values, below which a block shows nothing
_SHARP = 0.7  # the steps' mean change, as a share of the steps: small in a blurred block


@dataclass(frozen=True)
class FrameQuality:
    """The statistics of a frame, on a small version of it.

    Attributes:
        dark: the share of pixels that are nearly black.
        overexposed: the share of pixels that are nearly white.
        featureless: the share of blocks that are blurred or plain, but not dark or overexposed.
        digest: a checksum of the small version; noise makes that of each live frame another one.
    """

    dark: float
    overexposed: float
    featureless: float
    digest: int


def measure_quality(rgb: NDArray[np.uint8]) -> FrameQuality:
    """Measures a frame in well under a millisecond.

    Args:
        rgb: the frame, uint8 [H, W, 3] RGB, any strides.
    """
    # Single pixels: a mean would hide blur, and cost a pass over the frame.
    rows, columns = _places(rgb.shape[0], _ROWS), _places(rgb.shape[1], _COLUMNS)
    small = rgb[rows[:, None], columns]
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    levels = grey.astype(np.float32)
    across, bend_across = _steps(levels)
    down, bend_down = (steps.T for steps in _steps(levels.T))
    plain = np.maximum(across, down) < _DETAIL
    blurred = bend_across + bend_down < _SHARP * (across + down)
    means = _block_means(levels)
    lit = (means >= _DARK) & (means < _BRIGHT)
    return FrameQuality(
        dark=float((grey < _DARK).mean()),
        overexposed=float((grey >= _BRIGHT).mean()),
        featureless=float((lit & (plain | blurred)).mean()),
        digest=zlib.crc32(small.data),
    )


def _places(size: int, most: int) -> NDArray[np.intp]:
    """Where to look along a side: in whole blocks, spread evenly."""
    count = _BLOCK * min(max(1, size // _BLOCK), most)
    return np.arange(count) * size // count


def _steps(levels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean step from pixel to pixel within a block's rows, and the mean change of the step."""
    steps, bends = np.zeros_like(levels), np.zeros_like(levels)
    signed = np.diff(levels, axis=1)
    np.abs(signed, out=steps[:, :-1])
    np.abs(np.diff(signed, axis=1), out=bends[:, :-2])
    steps[:, _BLOCK - 1 :: _BLOCK] = 0  # from one block to the next
    bends[:, _BLOCK - 1 :: _BLOCK] = bends[:, _BLOCK - 2 :: _BLOCK] = 0
    return (
        _block_means(steps) * (_BLOCK / (_BLOCK - 1)),
        _block_means(bends) * (_BLOCK / (_BLOCK - 2)),
    )


def _block_means(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    size = (plane.shape[1] // _BLOCK, plane.shape[0] // _BLOCK)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32)
