# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks that change when recent evidence says so: less flicker, for a short delay."""

from __future__ import annotations

import math

import numpy as np

TEMPORAL = ('none', 'smooth')
"""What may be done with the masks of frames that follow each other. Not 'off': to YAML, and to the
command line of ROS, that is false."""

TIME_S = 0.15
"""The time in which evidence falls to 1/e; a certain change is taken over after 0.69 of it."""

MAX_GAP_NS = 500_000_000
"""A frame that comes later than that has nothing to do with the one before."""


class MaskSmoother:
    """Holds each pixel's class until there is more evidence for another.

    The evidence for the class that a pixel has is the sum of the confidences that it was found
    with, each weighed by exp(-age / TIME_S). Another class takes evidence away, and has the pixel
    when none is left. A pixel that was the same class for long changes after ln 2 x TIME_S if both
    classes are found with the same confidence, sooner if the new one is surer.

    It knows no motion: what moves is late by that time.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The next frame begins anew."""
        self._ids: np.ndarray | None = None
        self._evidence: np.ndarray | None = None
        self._stamp_ns = 0

    def smooth(
        self, class_ids: np.ndarray, confidence: np.ndarray | None, *, stamp_ns: int
    ) -> np.ndarray:
        """The classes of the next frame.

        A gap of more than MAX_GAP_NS, a stamp that is not later, and another size begin anew.

        Args:
            class_ids: uint8 [H, W], as found in this frame.
            confidence: uint8 [H, W]; None counts as certainty.
            stamp_ns: the frame's stamp.

        Returns:
            uint8 [H, W], new.
        """
        found = np.full(class_ids.shape, 255, np.float32) if confidence is None else confidence
        gap_ns = stamp_ns - self._stamp_ns
        self._stamp_ns = stamp_ns
        if (
            self._ids is None
            or self._evidence is None
            or self._ids.shape != class_ids.shape
            or not 0 < gap_ns <= MAX_GAP_NS
        ):
            self._ids, self._evidence = class_ids.copy(), found.astype(np.float32)
            return self._ids.copy()
        evidence = self._evidence
        evidence *= math.exp(-gap_ns / 1e9 / TIME_S)
        same = self._ids == class_ids
        evidence += np.where(same, found, -found.astype(np.float32))
        changed = evidence < 0
        np.copyto(self._ids, class_ids, where=changed)
        np.abs(evidence, out=evidence)
        return self._ids.copy()
