# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A contact sheet: frames from the whole run on one picture, to be looked at."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from drivseg_ros.errors import DrivsegError
from drivseg_ros.images.arrays import contiguous
from drivseg_ros.images.resizing import resize_image
from drivseg_ros.images.writing import write_picture

_TILE_WIDTH = 480
_COLUMNS = 3
_GAP = 6
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def write_caption(image: np.ndarray, text: str) -> None:
    """Writes white text on a dark strip at the lower edge, in place.

    Args:
        image: uint8 [H, W, 3], contiguous.
        text: one short line.
    """
    height, width = image.shape[:2]
    scale = max(0.4, width / 1280)
    (_, text_height), baseline = cv2.getTextSize(text, _FONT, scale, 1)
    top = max(0, height - text_height - baseline - 8)
    image[top:] //= 3
    position = (8, height - baseline - 4)
    cv2.putText(image, text, position, _FONT, scale, (255, 255, 255), 1, cv2.LINE_AA)


class ContactSheet:
    """Keeps evenly spaced frames of a run and writes them as one picture.

    The number of frames need not be known: when the sheet is full, every other tile is given up
    and the distance between frames doubles.

    Args:
        max_tiles: how many frames it shows at most, an even number.

    Raises:
        ValueError: if max_tiles is odd or below 2.
    """

    def __init__(self, *, max_tiles: int = 12) -> None:
        if max_tiles < 2 or max_tiles % 2:
            raise ValueError(f'max_tiles is {max_tiles}; an even number from 2 is allowed')
        # Twice as many are kept, so that never fewer than max_tiles are left to choose from.
        self._capacity = 2 * max_tiles
        self._max_tiles = max_tiles
        self._step = 1
        self._count = 0
        self._tiles: list[np.ndarray] = []

    @property
    def tiles(self) -> int:
        """How many frames it would show."""
        return min(self._max_tiles, len(self._tiles))

    def offer(self, draw: Callable[[], np.ndarray], *, caption: str) -> None:
        """Offers a frame, which is drawn only if it is shown.

        Args:
            draw: gives uint8 [H, W, 3] RGB.
            caption: one short line under it.
        """
        wanted = self._count % self._step == 0
        self._count += 1
        if not wanted:
            return
        image = draw()
        height = max(1, round(image.shape[0] * _TILE_WIDTH / image.shape[1]))
        tile = resize_image(contiguous(image), width=_TILE_WIDTH, height=height)
        if tile is image:  # the caller's own
            tile = tile.copy()
        write_caption(tile, caption)
        self._tiles.append(tile)
        if len(self._tiles) == self._capacity:
            self._tiles = self._tiles[::2]
            self._step *= 2

    def render(self) -> np.ndarray:
        """The sheet, uint8 [H, W, 3] RGB.

        Raises:
            DrivsegError: if no frame was added.
        """
        if not self._tiles:
            raise DrivsegError('there is no frame to show on a contact sheet')
        count = self.tiles
        chosen = [self._tiles[round(i)] for i in np.linspace(0, len(self._tiles) - 1, count)]
        tile_height = max(tile.shape[0] for tile in chosen)
        columns = min(_COLUMNS, count)
        rows = math.ceil(count / columns)
        sheet = np.full(
            (rows * (tile_height + _GAP) - _GAP, columns * (_TILE_WIDTH + _GAP) - _GAP, 3),
            255,
            np.uint8,
        )
        for i, tile in enumerate(chosen):
            top = i // columns * (tile_height + _GAP)
            left = i % columns * (_TILE_WIDTH + _GAP)
            sheet[top : top + tile.shape[0], left : left + _TILE_WIDTH] = tile
        return sheet

    def write(self, path: str | Path) -> None:
        """Writes the sheet as PNG.

        Raises:
            DrivsegError: if no frame was added.
            DataError: if the file cannot be written.
        """
        write_picture(Path(path), self.render())
