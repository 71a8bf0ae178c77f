# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Segmentation: what one image turned out to show."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from drivseg_ros.model.card import ModelCard

UNKNOWN = 255
"""The class id of a pixel of which nothing is known."""


@dataclass(frozen=True)
class Timings:
    """Where the time of one batch went, in milliseconds.

    Attributes:
        prepare_ms: resizing the images to the network's input; 0 where the engine does that.
        infer_ms: the engine, with the resizing where it does that on its device.
        restore_ms: resizing the results to the images' sizes; 0 where the engine does that.
        batch_size: how many images shared these times.
    """

    prepare_ms: float
    infer_ms: float
    restore_ms: float
    batch_size: int


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The classes of one image's pixels.

    Args:
        class_ids: uint8 [H, W], the class id of each pixel of the image, at the image's size.
        confidence: uint8 [H, W], 255 x the winning class's probability, or None if the network
            gives none or nobody asked.
        card: the network's card; it says what the ids mean.
        timings: where the time went; None for one that was read from a recording.

    Raises:
        ValueError: if shapes or dtypes are others.
    """

    class_ids: np.ndarray
    confidence: np.ndarray | None
    card: ModelCard
    timings: Timings | None = None

    def __post_init__(self) -> None:
        _check_plane('class_ids', self.class_ids)
        if self.confidence is not None:
            _check_plane('confidence', self.confidence)
            if self.confidence.shape != self.class_ids.shape:
                raise ValueError(
                    f'confidence has the shape {self.confidence.shape}; '
                    f'it must be that of class_ids, {self.class_ids.shape}'
                )

    @property
    def drivable(self) -> np.ndarray:
        """Where one may drive (direct, alternative and drivable classes), bool [H, W]."""
        return np.isin(self.class_ids, self.card.drivable_ids)

    @property
    def road(self) -> np.ndarray:
        """All road surface (the drivable classes and those with the role road), bool [H, W]."""
        return np.isin(self.class_ids, self.card.road_ids)

    def unknown_below(self, confidence: float) -> Segmentation:
        """The same with UNKNOWN in the pixels of less confidence; itself if it has none.

        Args:
            confidence: 0 to 1.
        """
        if self.confidence is None or confidence <= 0:
            return self
        unsure = self.confidence < confidence * 255
        return replace(self, class_ids=np.where(unsure, np.uint8(UNKNOWN), self.class_ids))

    def as_unknown(self) -> Segmentation:
        """The same with UNKNOWN in every pixel, and no confidence in it."""
        confidence = None if self.confidence is None else np.zeros_like(self.confidence)
        return replace(self, class_ids=np.full_like(self.class_ids, UNKNOWN), confidence=confidence)


def _check_plane(name: str, plane: np.ndarray) -> None:
    if plane.dtype != np.uint8 or plane.ndim != 2 or 0 in plane.shape:
        raise ValueError(
            f'{name} is {plane.dtype} of shape {plane.shape}; it must be uint8 [H, W], not empty'
        )
