# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Brings labels and predictions of the same stamp together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drivseg_ros.bags.dataset_info import read_dataset_info
from drivseg_ros.bags.labels import labels_of_topic
from drivseg_ros.errors import DataError, DrivsegError
from drivseg_ros.evaluation.confusion_matrix import ConfusionMatrix
from drivseg_ros.frames.known_labels import read_labels
from drivseg_ros.frames.labels import Labels
from drivseg_ros.frames.matching import class_titles, match_classes
from drivseg_ros.model.card import ModelCard

# Bags interleave topics by time, so the partner is never far; without a limit, a topic whose
# stamps match nothing would fill the memory.
_PENDING_LIMIT = 64


class LabelMatcher:
    """Counts label and prediction of a stamp as soon as both have come, in either order.

    Args:
        num_classes: of the labels.
        answers: by class of the network the class of the labels that it answers; None: the same
            ids.
        labels: what the values in labels mean; None: they are class ids.

    Attributes:
        matrix: the global confusion matrix of all pairs.
        matched: the number of pairs.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        answers: Sequence[int] | None = None,
        labels: Labels | None = None,
    ) -> None:
        self._meaning = labels
        self._answers = None
        if answers is not None:
            self._answers = np.arange(256, dtype=np.uint8)
            self._answers[: len(answers)] = answers
        self.matrix = ConfusionMatrix(num_classes)
        self.matched = 0
        self._labels: dict[int, np.ndarray] = {}
        self._predictions: dict[int, np.ndarray] = {}
        self._given_up = {'labels': 0, 'predictions': 0}

    @property
    def unmatched_labels(self) -> int:
        """Labels whose frame never came."""
        return self._given_up['labels'] + len(self._labels)

    @property
    def unmatched_predictions(self) -> int:
        """Predictions whose label never came."""
        return self._given_up['predictions'] + len(self._predictions)

    def add_label(self, stamp_ns: int, label: np.ndarray) -> None:
        """Adds a label, uint8 [H, W].

        Raises:
            DrivsegError: if it does not fit its prediction.
        """
        if self._meaning is not None:
            label = self._meaning.apply(label, what=f'the label with the stamp {stamp_ns} ns')
        prediction = self._predictions.pop(stamp_ns, None)
        if prediction is None:
            self._keep('labels', self._labels, stamp_ns, label)
        else:
            self._count(stamp_ns, label, prediction)

    def add_prediction(self, stamp_ns: int, class_ids: np.ndarray) -> None:
        """Adds a prediction, uint8 [H, W].

        Raises:
            DrivsegError: if it does not fit its label.
        """
        label = self._labels.pop(stamp_ns, None)
        if label is None:
            self._keep('predictions', self._predictions, stamp_ns, class_ids)
        else:
            self._count(stamp_ns, label, class_ids)

    def _keep(
        self, what: str, pending: dict[int, np.ndarray], stamp_ns: int, plane: np.ndarray
    ) -> None:
        pending[stamp_ns] = plane
        if len(pending) > _PENDING_LIMIT:
            del pending[next(iter(pending))]
            self._given_up[what] += 1

    def _count(self, stamp_ns: int, label: np.ndarray, prediction: np.ndarray) -> None:
        if self._answers is not None:
            prediction = self._answers[prediction]
        try:
            self.matrix.update(label=label, prediction=prediction)
        except ValueError as error:
            raise DrivsegError(
                f'the label with the stamp {stamp_ns} ns does not fit the prediction: {error}'
            ) from None
        self.matched += 1


def match_labels(
    bag: Path, label_topic: str | None, card: ModelCard, *, labels: str | None = None
) -> tuple[LabelMatcher, ModelCard]:
    """A matcher of a bag's labels with a network's predictions.

    Args:
        bag: the bag.
        label_topic: its labels; None: there are none.
        card: of the network.
        labels: what their values mean, for `read_labels`; None: as the bag says.

    Returns:
        The matcher, and the card with the classes that it counts.

    Raises:
        BagError: if what the bag says is damaged.
        DataError: if nothing says what the values mean, or the network's classes do not match the
            labels' one by one.
    """
    info = None if label_topic is None else read_dataset_info(bag)
    given = None if labels is None else read_labels(labels)
    meaning = labels_of_topic(bag, label_topic, info, card, given=given)
    if meaning is None:
        return LabelMatcher(card.num_classes), card
    found = match_classes(meaning, card.classes).answers
    if found is None:
        raise DataError(
            f'the labels ({meaning.name}) have the classes {class_titles(meaning.classes)}; the '
            f'network has {class_titles(card.classes)}: these do not match one by one. Say what '
            'the values in the labels mean (--labels), or let drivseg evaluate compare areas'
        )
    counted = dataclasses.replace(card, classes=meaning.classes)
    return LabelMatcher(counted.num_classes, answers=found, labels=meaning), counted
