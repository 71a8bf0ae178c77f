# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the values in a bag's labels or masks mean: by a recorded label_info, or the data set.

vision_msgs/LabelInfo gives each id a name. Colours and roles go by the name: the data set that the
bag was made of knows them, or the network, or one of the well-known lists of classes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drivseg_ros.bags.dataset_info import LABELS, DatasetInfo
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.typestore import LABEL_INFO
from drivseg_ros.base.topics import beside
from drivseg_ros.errors import DataError, ImageError
from drivseg_ros.frames.folder import known_class
from drivseg_ros.frames.known_labels import KNOWN_LABELS
from drivseg_ros.frames.labels import Labels, plain_labels, ranges
from drivseg_ros.frames.matching import class_titles
from drivseg_ros.images.codec import decode_labels
from drivseg_ros.model.card import UNLABELLED, ModelCard, ModelClass

_LOOKED_AT = 20  # first labels, for the error's sake


def recorded_labels(
    reader: BagReader,
    topic: str,
    info: DatasetInfo | None,
    network: Sequence[ModelClass] = (),
) -> Labels | None:
    """What a bag says of the values on a topic; None if it says nothing.

    Args:
        reader: the bag.
        topic: of labels or masks.
        info: the data set that the bag was made of.
        network: classes whose colours and roles are taken for equal names.

    Raises:
        DataError: if its label_info says two different things.
        BagError: if it is damaged.
    """
    named = info.classes if info is not None and info.label_topic == topic else ()
    place = beside(topic, LABELS)
    found = reader.topics.get(place)
    if found is not None and found.msgtype == LABEL_INFO:
        maps = {
            tuple((c.class_id, c.class_name) for c in message.message.class_map)
            for message in reader.messages([place])
        }
        if len(maps) > 1:
            raise DataError(
                f"in bag '{reader.path}', {place} says different things of {topic} in the course "
                'of time (the model was changed); cut the bag there, or say what the values mean '
                '(--labels, --mask-classes)'
            )
        pairs = [pair for pair in next(iter(maps), ()) if pair[0] < UNLABELLED]
        if pairs:
            names = list(dict.fromkeys(name for _, name in pairs))
            classes = [_class_named(i, name, (named, network)) for i, name in enumerate(names)]
            values = {number: names.index(name) for number, name in pairs}
            return Labels(place, tuple(classes), values)
    return plain_labels(info.name, named) if info is not None and named else None


def contradiction(recorded: Labels | None, given: Labels | None) -> str:
    """What a user says of values, against what the bag says; '' if they agree.

    Args:
        recorded: what `recorded_labels` found.
        given: what the user says; it is what counts.
    """
    if recorded is None or given is None:
        return ''
    names = [
        {value: one.classes[number].name for value, number in sorted(one.values.items())}
        for one in (recorded, given)
    ]
    if names[0] == names[1]:
        return ''
    said = ', '.join(f'{value} {name}' for value, name in names[0].items())
    return f'the labels are read as {given.name}, as asked; the bag itself says {said}'


def unknown_meaning(
    reader: BagReader, topic: str, card: ModelCard | None, *, option: str = '--labels'
) -> DataError:
    """The error that refuses values that could mean anything.

    Args:
        reader: the bag.
        topic: of labels or masks.
        card: of the network, if there is one.
        option: says what the values mean.
    """
    seen: set[int] = set()
    for message in itertools.islice(reader.messages([topic]), _LOOKED_AT):
        try:
            seen |= set(np.unique(decode_labels(message.message)).tolist())
        except ImageError:
            continue
    network = ''
    if card is not None:
        network = (
            f'; the network {card.name} has the classes {class_titles(card.classes)}. They cannot '
            'be matched for certain'
        )
    return DataError(
        f"in bag '{reader.path}', nothing says what the values {ranges(seen) or 'none'} on {topic} "
        f'mean (no {beside(topic, LABELS)}, no data set){network}: say it with {option}: '
        f'{", ".join(KNOWN_LABELS)}, a .yaml file, or a model whose class ids they are'
    )


def labels_of_topic(
    bag: Path,
    topic: str | None,
    info: DatasetInfo | None,
    card: ModelCard | None,
    *,
    given: Labels | None = None,
    option: str = '--labels',
) -> Labels | None:
    """What the values on a topic mean; None without a topic.

    Args:
        bag: the bag.
        topic: of labels or masks; None: there is none.
        info: the data set that the bag was made of.
        card: of the network, if there is one.
        given: what the user says they mean; this comes first.
        option: how the user says it.

    Raises:
        DataError: if nothing says it.
        BagError: if the bag cannot be read.
    """
    if topic is None or given is not None:
        return given if topic is not None else None
    with BagReader(bag) as reader:
        reader.topic(topic)
        found = recorded_labels(reader, topic, info, () if card is None else card.classes)
        if found is None:
            raise unknown_meaning(reader, topic, card, option=option)
    return found


def _class_named(number: int, name: str, known: Sequence[Sequence[ModelClass]]) -> ModelClass:
    """A class of this name as it is known here, or elsewhere."""
    for classes in known:
        for c in classes:
            if c.name == name:
                return ModelClass(number, name, c.color, c.role)
    return known_class(number, name)
