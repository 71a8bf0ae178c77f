# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames of an evaluation, as a user writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.bags.dataset_info import (
    DRIVE,
    NAME,
    DatasetInfo,
    read_dataset_info,
    read_frame_names,
)
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.source import BagSource
from drivseg_ros.bags.topics import BagTopics, resolve_topics
from drivseg_ros.bags.typestore import HEADER
from drivseg_ros.base.topics import beside
from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.attributes import Attributes, find_attributes, read_attributes
from drivseg_ros.frames.evaluated import is_bag
from drivseg_ros.frames.labels import Labels, plain_labels, ready_labels
from drivseg_ros.frames.registry import KINDS
from drivseg_ros.frames.source import DatasetSource, FrameSource
from drivseg_ros.lab.comparing.candidates import find_judges
from drivseg_ros.model.card import ModelCard

_RESAMPLE = ('auto', 'frames')
_DATA = '${data}'


@dataclass(frozen=True)
class AskedFrames:
    """What was asked for on the command line.

    Args:
        text: a bag, or a data set.
        topics: of a bag.
        labels: what the labels' values mean; None: see `open_frames`.
        masks: what the values of masks that are there mean; None: the same.
        data: the folder of data sets.
        limit: so many frames only.
        resample: 'auto' or 'frames'.
        attributes: a file of them.
        title: what to call a bag; None: by its own name.

    Raises:
        ParameterError: if there is no such way to resample.
    """

    text: str
    topics: BagTopics
    labels: Labels | None
    masks: Labels | None
    data: Path | None
    limit: int | None
    resample: str
    attributes: Path | None
    title: str | None = None

    def __post_init__(self) -> None:
        check_resample(self.resample)


@dataclass(frozen=True, eq=False)
class OpenedFrames:
    """Frames that can be evaluated.

    Attributes:
        source: the frames.
        attributes: of the frames, by name; None if none are known.
    """

    source: FrameSource
    attributes: Attributes | None


def open_frames(asked: AskedFrames, card: ModelCard | None) -> OpenedFrames:
    """Opens them.

    Args:
        asked: what was asked for.
        card: of the network; a bag's labels are of its classes unless a map is given.

    Raises:
        ParameterError: if options contradict each other.
        DataError: if the frames cannot be used.
        BagError: if the bag cannot be read.
    """
    apart = asked.resample == 'auto'
    given = None if asked.attributes is None else read_attributes(asked.attributes)
    path = Path(asked.text)
    if path.exists() and is_bag(path):
        info = read_dataset_info(path)
        labels = asked.labels
        with BagReader(path) as reader:
            topics = resolve_topics(reader, asked.topics, info=info)
        if info is not None and labels is None and info.classes:
            labels = plain_labels(info.name, info.classes)
        if labels is None and card is not None:
            labels = plain_labels(card.name, card.classes)
        labels = labels or asked.masks
        if labels is None and (topics.label is not None or topics.mask is not None):
            raise ParameterError(
                'masks do not say what their values mean: give --labels, one of '
                f'{", ".join(ready_labels())}, or a .yaml file'
            )
        names, drives = _names_and_drives(path, info, topics)
        bag = BagSource(
            path,
            topics,
            labels,
            masks=asked.masks,
            names=names,
            drives=drives,
            by_drive=apart,
            title=asked.title,
        )
        limit = len(bag) if asked.limit is None else asked.limit
        return OpenedFrames(bag if limit >= len(bag) else bag.take(range(limit)), given)
    check_kind(asked.text)
    if asked.topics != BagTopics():
        raise ParameterError(f'{asked.text} is a data set, and topics were given; leave them out')
    (judge,) = find_judges([asked.text], (), data=asked.data, limit=asked.limit)
    source = DatasetSource(asked.text, judge.dataset, labels=asked.labels, by_drive=apart)
    beside = attributes_beside(asked.text, asked.data)
    if given is None and beside is not None:
        given = read_attributes(beside)
    return OpenedFrames(source, given)


def _names_and_drives(
    path: Path, info: DatasetInfo | None, topics: BagTopics
) -> tuple[dict[int, str], dict[int, str]]:
    """What a bag tells of its frames by their stamps.

    A recording of a bag that was made of a data set has lost what that tells, and kept the topics.
    """
    with BagReader(path) as reader:
        if info is not None:
            asked = [info.name_topic, info.drive_topic]
        else:
            images = topics.label or topics.image or ''
            asked = [
                topic if (found := reader.topics.get(topic)) and found.msgtype == HEADER else ''
                for topic in (beside(images, NAME), beside(images, DRIVE))
            ]
        names, drives = (read_frame_names(reader, topic) if topic else {} for topic in asked)
    return names, drives


def check_resample(text: str) -> None:
    """Refuses a way to resample that there is not.

    Raises:
        ParameterError: if there is no such way.
    """
    if text not in _RESAMPLE:
        raise ParameterError(
            f'--resample {text!r} is not known; allowed are {", ".join(_RESAMPLE)}'
        )


def check_kind(text: str) -> None:
    """Refuses a data set of a kind that there is not.

    Raises:
        ParameterError: if there is no such kind.
    """
    kind = re.split('[:=,]', text, maxsplit=1)[0]
    if kind not in KINDS:
        raise ParameterError(
            f'there is no bag {text!r}, nor a data set of the kind {kind!r}; the kinds are '
            f'{", ".join(KINDS)} (write KIND[:PART]=ROOT)'
        )


def attributes_beside(text: str, data: Path | None) -> Path | None:
    """The file of attributes in a data set's own folder, if it is there.

    Args:
        text: the data set, as a user writes it.
        data: the folder of data sets.
    """
    found = re.search(r'^[^=,]*=([^,]*)', text)
    if found is None:
        return None
    folder = Path(found[1].replace(_DATA, str(data)) if data is not None else found[1])
    return find_attributes(folder) if folder.is_dir() else None
