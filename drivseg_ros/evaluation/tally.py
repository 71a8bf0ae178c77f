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
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.matching import Matching
from drivseg_ros.model.card import UNLABELLED
from drivseg_ros.model.segmentation import Segmentation


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

    def add(self, frame: LabelledFrame, found: Segmentation) -> FrameRow:
        """Counts a frame.

        Args:
            frame: the frame; its label has ids of the labels' classes.
            found: its mask, with ids of the network's classes.

        Raises:
            DataError: if mask and label do not fit each other or the classes.
        """
        label, mask = frame.label, found.class_ids
        sums = Sums.zero(self._matching)
        table, boundary = sums.table, sums.boundary
        if label is None:
            self._check_mask(frame.name, mask)
        else:
            bands = self._count(frame.name, label, mask)
            self.bands += bands
            table = bands.sum(0)
            boundary = count_boundaries(
                label,
                mask,
                self._matching.truth_members,
                self._matching.network_members,
                share=self._settings.boundary,
            )
            if found.confidence is not None and self._matching.answers is not None:
                right = self._answers[mask] == label
                self.calibration += Calibration.of(found.confidence, right, label != UNLABELLED)
        flicker, change = (0, 0), (0, 0)
        if self._settings.sequence:
            flicker, change = self._flicker.update(
                mask, label, sequence=frame.sequence, stamp_ns=frame.stamp_ns
            )
        row = FrameRow(
            frame.name,
            frame.group,
            0,
            Sums(table, boundary, np.array(flicker, np.int64), np.array(change, np.int64)),
            '' if label is None else _digest(label),
            '' if frame.image is None else _digest(frame.image),
        )
        self.rows.append(row)
        return row

    def _count(self, name: str, label: np.ndarray, mask: np.ndarray) -> np.ndarray:
        _, truth, network = self.bands.shape
        try:
            return count_pairs(
                label, mask, truth=truth, network=network, bands=self._settings.bands
            )
        except DataError as error:
            raise DataError(f'the frame {name}: {error}') from None

    def _check_mask(self, name: str, mask: np.ndarray) -> None:
        known = len(self._matching.network)
        # Where a recorded label says nothing, the mask need not have a class.
        strange = np.unique(mask[(mask >= known) & (mask != UNLABELLED)]).tolist()
        if strange:
            raise DataError(
                f'the frame {name}: the mask has the values {strange}; known are 0 to '
                f'{known - 1}: say what the values mean (docs/evaluating.md, Labels)'
            )


def _digest(plane: np.ndarray) -> str:
    digest = hashlib.sha256(str(plane.shape).encode())
    digest.update(np.ascontiguousarray(plane).data)
    return digest.hexdigest()[:32]
