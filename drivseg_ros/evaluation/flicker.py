# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much masks change from a frame to the next."""

from __future__ import annotations

import numpy as np

from drivseg_ros.model.card import UNLABELLED
from drivseg_ros.model.smoothing import MAX_GAP_NS

_NONE = (0, 0)


class FlickerCounter:
    """Counts pixels that change class between consecutive frames.

    A pixel flickers if its class changes while its label, known in both frames, does not. That
    holds for a camera that moves as well: what really moved has moved in the label.
    """

    def __init__(self) -> None:
        self._place: tuple[str, int | None] = ('', None)
        self._mask: np.ndarray | None = None
        self._label: np.ndarray | None = None

    def update(
        self,
        mask: np.ndarray,
        label: np.ndarray | None,
        *,
        sequence: str,
        stamp_ns: int | None = None,
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """Takes the next frame.

        Args:
            mask: uint8 [H, W], the network's.
            label: uint8 [H, W], or None.
            sequence: frames of another sequence are not consecutive.
            stamp_ns: nor are frames far apart; None if frames have no stamps.

        Returns:
            (changed, compared) of the pixels whose label stayed, then of all pixels.
        """
        (before, then), last, known = self._place, self._mask, self._label
        self._place, self._mask, self._label = (sequence, stamp_ns), mask, label
        if last is None or before != sequence or last.shape != mask.shape:
            return _NONE, _NONE
        if stamp_ns is not None and then is not None and not 0 < stamp_ns - then <= MAX_GAP_NS:
            return _NONE, _NONE
        changed = last != mask
        change = int(np.count_nonzero(changed)), mask.size
        if label is None or known is None:
            return _NONE, change
        stayed = (label == known) & (label != UNLABELLED)
        still = int(np.count_nonzero(changed & stayed)), int(np.count_nonzero(stayed))
        return still, change
