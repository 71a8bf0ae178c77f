# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far the masks of two networks agree, and what is still the same.

Masks are compared pixel by pixel at the size of the images, and by what they are worth: the
metrics of each against the same labels. Each is computed once from all pixels of the set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from drivseg_ros.errors import DataError, ModelError, ParameterError
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.segmentation import Segmentation


@dataclass(frozen=True)
class ConfidenceDifference:
    """How far two confidences differ, in steps of 1/255.

    Attributes:
        mean: the mean absolute difference over all pixels.
        largest: the largest absolute difference.
    """

    mean: float
    largest: int


@dataclass(frozen=True)
class ParityResult:
    """What the comparison of a candidate with its reference showed.

    Attributes:
        frames: how many frames were compared.
        agreement: share of the pixels with the same class, in percent.
        worst_frame: the frame with the lowest agreement.
        worst_agreement: its agreement, in percent.
        confidence: the difference of the confidences; None where the reference has none.
        lacks_confidence: the reference gave a confidence, and the candidate none.
        reference: the metrics of the reference against the labels, shares by name, None where not
            defined; empty without labels.
        metrics: those of the candidate.
        decisive: the metric whose change is held to a bound, mIoU where there is one; '' without
            labels.
    """

    frames: int
    agreement: float
    worst_frame: str
    worst_agreement: float
    confidence: ConfidenceDifference | None
    lacks_confidence: bool
    reference: Mapping[str, float | None] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    decisive: str = ''

    @classmethod
    def of_itself(
        cls, frames: int, metrics: Mapping[str, float | None], decisive: str
    ) -> ParityResult:
        """The reference compared with itself."""
        return cls(frames, 100.0, '', 100.0, None, False, metrics, metrics, decisive)

    def change(self, name: str) -> float | None:
        """A metric of the candidate less the reference's, in points; None where not defined."""
        before, after = self.reference.get(name), self.metrics.get(name)
        return None if before is None or after is None else 100 * (after - before)


@dataclass(frozen=True)
class ParityBounds:
    """What is still the same.

    The defaults are what other projects hold their converted networks to.

    Args:
        min_agreement: lowest share of equal pixels over the whole set, in percent.
        max_miou_change: largest change of the mIoU (of the decisive metric, where the classes of
            labels and network do not match) either way, in points.

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
        if result.decisive:
            change = result.change(result.decisive)
            if change is None:
                failures.append(
                    f'the change of {result.decisive} is not known, for no pixel is labelled (all '
                    'ids are 255); give other labels, or none'
                )
            elif not abs(change) <= self.max_miou_change:
                failures.append(
                    f'{result.decisive} changes by {change:+.3f} points, '
                    f'{abs(change) - self.max_miou_change:.3f} more than the bound of '
                    f'{self.max_miou_change:g}'
                )
        if result.lacks_confidence:
            failures.append('it gives no confidence, and the reference does')
        return failures


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


class AgreementCounter:
    """Counts frame by frame what a ParityResult is made of."""

    def __init__(self) -> None:
        self._frames = 0
        self._pixels = 0
        self._equal = 0
        self._worst = ('', float('inf'))
        # Pixels by absolute difference of the confidences.
        self._differences = np.zeros(256, np.int64)
        self._lacks_confidence = False

    def add(self, name: str, *, reference: Segmentation, candidate: Segmentation) -> None:
        """Adds a frame.

        Args:
            name: of the frame.
            reference: what is held to be right.
            candidate: what is compared with it.
        """
        equal = int(np.count_nonzero(reference.class_ids == candidate.class_ids))
        pixels = reference.class_ids.size
        self._frames += 1
        self._pixels += pixels
        self._equal += equal
        if equal / pixels < self._worst[1]:
            self._worst = (name, equal / pixels)
        if reference.confidence is not None:
            if candidate.confidence is None:
                self._lacks_confidence = True
            else:
                low = np.minimum(reference.confidence, candidate.confidence)
                high = np.maximum(reference.confidence, candidate.confidence)
                self._differences += np.bincount((high - low).ravel(), minlength=256)

    def result(
        self,
        reference: Mapping[str, float | None],
        metrics: Mapping[str, float | None],
        decisive: str,
    ) -> ParityResult:
        """What all frames added so far showed; the arguments as in `ParityResult`.

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
        return ParityResult(
            frames=self._frames,
            agreement=100 * self._equal / self._pixels,
            worst_frame=self._worst[0],
            worst_agreement=100 * self._worst[1],
            confidence=confidence,
            lacks_confidence=self._lacks_confidence,
            reference=reference,
            metrics=metrics,
            decisive=decisive,
        )
