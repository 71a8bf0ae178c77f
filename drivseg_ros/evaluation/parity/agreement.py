# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether two networks, or one network on two engines, give the same masks.

Masks are compared pixel by pixel at the size of the images, and by what they are worth: the mean
IoU of each against the same labels. Each figure is computed once from all pixels of the set.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from drivseg_ros.errors import DataError, ModelError, ParameterError
from drivseg_ros.evaluation.confusion_matrix import ConfusionMatrix
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.labels import Labels
from drivseg_ros.frames.matching import class_titles, match_classes
from drivseg_ros.frames.source import ReadableFrames
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.segmentation import Segmentation


class ComparedSegmenter(Protocol):
    """A Segmenter, or what stands in for one."""

    @property
    def card(self) -> ModelCard:
        """The network's card."""

    def segment(
        self, images: Sequence[np.ndarray], *, confidence: bool = False
    ) -> list[Segmentation]:
        """See `Segmenter.segment`."""


@dataclass(frozen=True)
class ConfidenceDifference:
    """How far two confidences lie apart, in steps of 1/255.

    Attributes:
        mean: the mean absolute difference over all pixels.
        largest: the largest absolute difference.
    """

    mean: float
    largest: int


@dataclass(frozen=True, eq=False)
class ParityResult:
    """What the comparison of a candidate with its reference showed.

    Attributes:
        frames: how many frames were compared.
        agreement: share of the pixels with the same class, in percent.
        worst_frame: the frame with the lowest agreement.
        worst_agreement: its agreement, in percent.
        confidence: the difference of the confidences; None where the reference has none.
        lacks_confidence: the reference gave a confidence, and the candidate none.
        reference_matrix: the reference against the labels; None without labels.
        matrix: the candidate against the labels; None without labels.
        card: the candidate's card, in the classes of the labels if there are any.
    """

    frames: int
    agreement: float
    worst_frame: str
    worst_agreement: float
    confidence: ConfidenceDifference | None
    lacks_confidence: bool
    reference_matrix: ConfusionMatrix | None
    matrix: ConfusionMatrix | None
    card: ModelCard

    @property
    def miou_change(self) -> float | None:
        """The candidate's mIoU less the reference's, in points; None without labels."""
        if self.matrix is None or self.reference_matrix is None:
            return None
        return 100 * (self.matrix.miou - self.reference_matrix.miou)

    @property
    def drivable_iou_change(self) -> float | None:
        """The same of the drivable IoU; None also if the model has no drivable class."""
        if self.matrix is None or self.reference_matrix is None or not self.card.drivable_ids:
            return None
        ids = self.card.drivable_ids
        return 100 * (self.matrix.iou_of(ids) - self.reference_matrix.iou_of(ids))


@dataclass(frozen=True)
class ParityBounds:
    """What is still the same.

    The defaults are what other projects hold their converted networks to.

    Args:
        min_agreement: lowest share of equal pixels over the whole set, in percent.
        max_miou_change: largest change of the mIoU either way, in points.

    Raises:
        ParameterError: if one is out of range.
    """

    min_agreement: float = 99.5
    max_miou_change: float = 0.3

    def __post_init__(self) -> None:
        for name in ('min_agreement', 'max_miou_change'):
            value = getattr(self, name)
            if not 0 <= value <= 100:
                raise ParameterError(f'{name} is {value}; 0 to 100 is allowed')

    def failures(self, result: ParityResult) -> list[str]:
        """Which bounds a result breaks and by how much; empty if it keeps them."""
        failures = []
        short = self.min_agreement - result.agreement
        if not short <= 0:
            failures.append(
                f'{result.agreement:.3f} % of the pixels agree, {short:.3f} less than the bound '
                f'of {self.min_agreement:g} % (worst frame {result.worst_frame}: '
                f'{result.worst_agreement:.2f} %)'
            )
        change = result.miou_change
        if change is not None and math.isnan(change):
            failures.append(
                'the mIoU cannot be judged, for no pixel is labelled (all ids are 255); give '
                'other labels, or none'
            )
        elif change is not None and not abs(change) <= self.max_miou_change:
            failures.append(
                f'the mIoU changes by {change:+.3f} points, '
                f'{abs(change) - self.max_miou_change:.3f} more than the bound of '
                f'{self.max_miou_change:g}'
            )
        if result.lacks_confidence:
            failures.append('it gives no confidence, and the reference does')
        return failures


def compare(
    reference: ComparedSegmenter,
    candidate: ComparedSegmenter,
    frames: ReadableFrames,
    *,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> ParityResult:
    """Runs both over all frames.

    Args:
        reference: what is held to be right.
        candidate: what is judged; it stays the caller's, as the reference does.
        frames: the frames.
        on_frame: called with the frames done and the frames there are.

    Raises:
        ModelError: if the two have other classes.
        DataError: if no frame can be decoded, or labels do not fit the model.
        EngineError: if an engine fails.
    """
    check_same_classes(reference.card, candidate.card)
    comparison = Comparison(candidate.card, frames.source.labels)
    for done, frame in enumerate(frames, 1):
        comparison.add(
            frame,
            reference=reference.segment([frame.pixels()], confidence=True)[0],
            candidate=candidate.segment([frame.pixels()], confidence=True)[0],
        )
        on_frame(done, len(frames))
    return comparison.result()


def check_same_classes(reference: ModelCard, candidate: ModelCard) -> None:
    """Looks whether the ids of two models mean the same.

    Raises:
        ModelError: if they do not.
    """
    if reference.class_names != candidate.class_names:
        raise ModelError(
            f'{candidate.name} has the classes {", ".join(candidate.class_names)}, and the '
            f'reference {reference.name} has {", ".join(reference.class_names)}; only models with '
            'the same classes can be compared'
        )


class Comparison:
    """Counts frame by frame what a ParityResult is made of.

    Args:
        card: the candidate's; the reference has the same classes.
        labels: what the frames' labels show; None without labels.

    Raises:
        DataError: if the network's classes do not match the labels' one by one.
    """

    def __init__(self, card: ModelCard, labels: Labels | None) -> None:
        self._card = card
        self._matrices = None
        self._answers = np.arange(256, dtype=np.uint8)
        if labels is not None:
            found = match_classes(labels, card.classes).answers
            if found is None:
                raise DataError(
                    f'the labels ({labels.name}) have the classes {class_titles(labels.classes)}; '
                    f'the network has {class_titles(card.classes)}: these do not match one by one. '
                    'Say what the values in the labels mean (--labels), or leave the labels out'
                )
            self._answers[: len(found)] = found
            self._card = dataclasses.replace(card, classes=labels.classes)
            self._matrices = tuple(ConfusionMatrix(len(labels.classes)) for _ in range(2))
        self._frames = 0
        self._pixels = 0
        self._equal = 0
        self._worst = ('', float('inf'))
        # Pixels by absolute difference of the confidences.
        self._differences = np.zeros(256, np.int64)
        self._lacks_confidence = False

    def add(
        self, frame: LabelledFrame, *, reference: Segmentation, candidate: Segmentation
    ) -> None:
        """Adds a frame."""
        equal = int(np.count_nonzero(reference.class_ids == candidate.class_ids))
        pixels = reference.class_ids.size
        self._frames += 1
        self._pixels += pixels
        self._equal += equal
        if equal / pixels < self._worst[1]:
            self._worst = (frame.name, equal / pixels)
        if reference.confidence is not None:
            if candidate.confidence is None:
                self._lacks_confidence = True
            else:
                low = np.minimum(reference.confidence, candidate.confidence)
                high = np.maximum(reference.confidence, candidate.confidence)
                self._differences += np.bincount((high - low).ravel(), minlength=256)
        if self._matrices is not None and frame.label is not None:
            for matrix, result in zip(self._matrices, (reference, candidate), strict=True):
                matrix.update(label=frame.label, prediction=self._answers[result.class_ids])

    def result(self) -> ParityResult:
        """The figures of all frames added so far.

        Raises:
            DataError: if there are none.
        """
        if not self._frames:
            raise DataError('not one frame could be compared; give images that can be decoded')
        confidence = None
        if self._differences.any():
            levels = np.arange(256)
            confidence = ConfidenceDifference(
                mean=float(levels @ self._differences / self._differences.sum()),
                largest=int(np.flatnonzero(self._differences)[-1]),
            )
        reference_matrix, matrix = self._matrices or (None, None)
        return ParityResult(
            frames=self._frames,
            agreement=100 * self._equal / self._pixels,
            worst_frame=self._worst[0],
            worst_agreement=100 * self._worst[1],
            confidence=confidence,
            lacks_confidence=self._lacks_confidence,
            reference_matrix=reference_matrix,
            matrix=matrix,
            card=self._card,
        )
