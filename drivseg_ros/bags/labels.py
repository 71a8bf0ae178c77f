# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the ids in a bag's labels mean, and what a network's classes answer to them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from drivseg_ros.bags.dataset_info import read_dataset_info
from drivseg_ros.bags.label_matcher import LabelMatcher
from drivseg_ros.errors import DataError
from drivseg_ros.frames.truth import answers
from drivseg_ros.model.card import ModelCard


def match_labels(
    bag: Path, label_topic: str | None, card: ModelCard
) -> tuple[LabelMatcher, ModelCard]:
    """A matcher of a bag's labels with a network's predictions.

    Labels are in the classes that the bag tells of, and in the network's own where it tells none.

    Args:
        bag: the bag.
        label_topic: its labels; None: there are none.
        card: of the network.

    Returns:
        The matcher, and the card with the classes that it counts.

    Raises:
        BagError: if what the bag tells is damaged.
        DataError: if the network's classes do not answer the labels' one by one.
    """
    info = None if label_topic is None else read_dataset_info(bag)
    if info is None or info.label_topic != label_topic or not info.classes:
        return LabelMatcher(card.num_classes), card
    found = answers(info.classes, card.classes)
    if found is None:
        raise DataError(
            f'the labels tell {", ".join(c.name for c in info.classes)}, the network tells '
            f'{", ".join(card.class_names)}, and these do not match one by one; leave the labels '
            'out here, and let drivseg evaluate judge them by role'
        )
    judged = dataclasses.replace(card, classes=info.classes)
    return LabelMatcher(judged.num_classes, answers=found), judged
