# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sinks that compare networks: in one pass, or in one pass each through masks that are kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import cv2

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.measured import Terms
from drivseg_ros.evaluation.network import RunNetwork
from drivseg_ros.evaluation.parity.agreement import (
    AgreementCounter,
    ParityResult,
    check_same_classes,
)
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.evaluation.tally import FrameRow, Tally
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.segmenter import Segmenter

_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1]


class MaskFolder(Sink):
    """Keeps the masks of a pass in files, for passes of other networks over the same frames.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """See `Sink`."""
        planes = {'ids': segmentation.class_ids, 'confidence': segmentation.confidence}
        for name, plane in planes.items():
            if plane is not None:
                path = _path(self._folder, self._count, name)
                if not cv2.imwrite(str(path), plane, _FAST):
                    raise DataError(f"'{path}' cannot be written; is the disk full?")
        self._count += 1


class _Agreement(Sink):
    """Counts how far two networks agree in a pass."""

    def __init__(self) -> None:
        self._counter = AgreementCounter()
        self._result: ParityResult | None = None

    @property
    def result(self) -> ParityResult:
        """What the pass showed.

        Raises:
            RuntimeError: if it is not over.
        """
        if self._result is None:
            raise RuntimeError('the pass is not over')
        return self._result


class AgreementWithFolder(_Agreement):
    """Compares a pass with the one whose masks a MaskFolder kept.

    Args:
        folder: the MaskFolder's.
        reference: the metrics of that pass; empty without labels.
    """

    def __init__(self, folder: Path, reference: Mapping[str, float | None]) -> None:
        super().__init__()
        self._folder = folder
        self._reference = reference
        self._count = 0

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """See `Sink`."""
        number = self._count
        self._count += 1
        ids = cv2.imread(str(_path(self._folder, number, 'ids')), cv2.IMREAD_UNCHANGED)
        if ids is None or ids.shape != segmentation.class_ids.shape:
            raise DataError(
                f'frame {number} is not the one that the reference saw; the data changed '
                'meanwhile: run it again'
            )
        plane = cv2.imread(str(_path(self._folder, number, 'confidence')), cv2.IMREAD_UNCHANGED)
        kept = Segmentation(ids, plane, segmentation.card)
        self._counter.add(frame.name, reference=kept, candidate=segmentation)

    def finish(self, evaluation: Evaluation) -> None:
        """See `Sink`."""
        self._result = self._counter.result(
            self._reference, accuracy_values(evaluation), decisive_metric(evaluation)
        )


class Rival(_Agreement):
    """Runs another network on the frames of a pass, and compares it with the pass's own.

    Args:
        segmenter: runs it; it stays the caller's.
        reference: runs the pass's own.

    Raises:
        ModelError: if the two have other classes.
    """

    def __init__(self, segmenter: Segmenter, reference: Segmenter) -> None:
        super().__init__()
        check_same_classes(reference.card, segmenter.card)
        self._network = RunNetwork(segmenter)
        self._tally: Tally | None = None

    def begin(self, terms: Terms) -> None:
        """See `Sink`."""
        self._network.warm_up()
        self._tally = Tally(terms.matching, terms.settings)

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """See `Sink`."""
        found = self._network.segment(frame)
        self._counter.add(frame.name, reference=segmentation, candidate=found)
        if self._tally is not None:
            self._tally.add(frame, found)

    def finish(self, evaluation: Evaluation) -> None:
        """See `Sink`."""
        rows = () if self._tally is None else tuple(self._tally.rows)
        own = dataclasses.replace(evaluation, rows=rows, calibration=None)
        self._result = self._counter.result(
            accuracy_values(evaluation), accuracy_values(own), decisive_metric(evaluation)
        )


def accuracy_values(evaluation: Evaluation) -> dict[str, float | None]:
    """The metrics of an evaluation against its labels by name; empty without labels."""
    if not evaluation.matching.targets:
        return {}
    return {one.name: evaluation.metrics[one.name].value for one in evaluation.of_counts}


def decisive_metric(evaluation: Evaluation) -> str:
    """The metric whose change decides: the first headline; '' without labels."""
    return next((one.name for one in evaluation.of_counts if one.headline), '')


def _path(folder: Path, number: int, name: str) -> Path:
    return folder / f'{number:06d}_{name}.png'
