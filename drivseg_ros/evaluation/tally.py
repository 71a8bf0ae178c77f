# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Counts masks against labels, frame by frame, whatever made the masks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.boundary import count_boundaries
from drivseg_ros.evaluation.calibration import Calibration
from drivseg_ros.evaluation.cross_table import count_pairs
from drivseg_ros.evaluation.flicker import FlickerCounter
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.evaluation.sums import Sums
from drivseg_ros.frames.matching import Matching
from drivseg_ros.model.card import UNLABELLED


@dataclass(frozen=True, eq=False)
class FrameRow:
    """What was counted in one frame.

    Args:
        name: of the frame.
        group: what it is resampled with: its drive, or a few seconds of it.
        part: the place of the bag or folder it is from.
        sums: the counts.
        label_sha256: of the label's class ids; '' without a label.
        image_sha256: of the image's pixels; '' without an image.
        attributes: what is known of it besides its label; empty if nothing is.
    """

    name: str
    group: str
    part: int
    sums: Sums
    label_sha256: str = ''
    image_sha256: str = ''
    attributes: Mapping[str, str] = field(default_factory=dict)


class Tally:
    """Counts frames in their order.

    Args:
        matching: the classes.
        settings: what is counted.

    Attributes:
        rows: a row for each frame.
        bands: int64 [bands, T, N], the table of all frames by bands of image height.
        calibration: of all pixels with label and confidence.
    """

    def __init__(self, matching: Matching, settings: EvaluationSettings) -> None:
        self.rows: list[FrameRow] = []
        truth, network = len(matching.truth), len(matching.network)
        self.bands = np.zeros((settings.bands, truth, network), np.int64)
        self.calibration = Calibration.zero()
        self._matching = matching
        self._settings = settings
        self._flicker = FlickerCounter()
        answered = matching.answers or ()
        self._answers = np.full(256, UNLABELLED, np.uint8)
        self._answers[: len(answered)] = answered

    def add(
        self,
        name: str,
        mask: np.ndarray,
        label: np.ndarray | None,
        *,
        confidence: np.ndarray | None = None,
        image: np.ndarray | None = None,
        group: str = '',
        sequence: str = '',
        stamp_ns: int | None = None,
        part: int = 0,
    ) -> FrameRow:
        """Counts a frame.

        Args:
            name: of the frame.
            mask: uint8 [H, W], ids of the network's classes.
            label: uint8 [H, W], ids of the labels' classes, UNLABELLED; None: without a label.
            confidence: uint8 [H, W], if the network gives it.
            image: uint8 [H, W, 3], to tell data sets apart by; None if it is not there.
            group: what it is resampled with; its name if ''.
            sequence: the drive in which it follows the frame before.
            stamp_ns: its time, if known.
            part: the place of the bag or folder it is from.

        Raises:
            DataError: if mask, label and confidence do not fit each other or the classes.
        """
        where = f'the frame {name}'
        sums = Sums.zero(self._matching)
        table, boundary = sums.table, sums.boundary
        if confidence is not None and confidence.shape != mask.shape:
            raise DataError(
                f'{where} has a confidence of {confidence.shape[1]}x{confidence.shape[0]} and a '
                f'mask of {mask.shape[1]}x{mask.shape[0]}; they must have one size'
            )
        if label is None:
            self._check_mask(where, mask)
        else:
            bands, table = self._count(where, label, mask)
            self.bands += bands
            boundary = count_boundaries(
                label,
                mask,
                self._matching.truth_members,
                self._matching.network_members,
                share=self._settings.boundary,
            )
            if confidence is not None and self._matching.answers is not None:
                right = self._answers[mask] == label
                self.calibration += Calibration.of(confidence, right, label != UNLABELLED)
        flicker, change = (0, 0), (0, 0)
        if self._settings.sequence:
            flicker, change = self._flicker.update(
                mask, label, sequence=f'{part} {sequence}', stamp_ns=stamp_ns
            )
        row = FrameRow(
            name,
            group or name,
            part,
            Sums(table, boundary, np.array(flicker, np.int64), np.array(change, np.int64)),
            '' if label is None else _digest(label),
            '' if image is None else _digest(image),
        )
        self.rows.append(row)
        return row

    def _count(
        self, where: str, label: np.ndarray, mask: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        _, truth, network = self.bands.shape
        try:
            bands = count_pairs(
                label, mask, truth=truth, network=network, bands=self._settings.bands
            )
        except DataError as error:
            raise DataError(f'{where}: {error}') from None
        return bands, bands.sum(0)

    def _check_mask(self, where: str, mask: np.ndarray) -> None:
        known = len(self._matching.network)
        # Where nobody labelled, a mask need not tell a class.
        strange = np.unique(mask[(mask >= known) & (mask != UNLABELLED)]).tolist()
        if strange:
            raise DataError(
                f'{where}: the mask has the values {strange}; known are 0 to {known - 1}: say what '
                'the values mean (docs/evaluating.md, Labels)'
            )


def _digest(plane: np.ndarray) -> str:
    digest = hashlib.sha256(str(plane.shape).encode())
    digest.update(np.ascontiguousarray(plane).data)
    return digest.hexdigest()[:32]
