# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames of a command, as a user writes them: BAG, KIND[:PART]=ROOT, FOLDER, PICTURE, VIDEO."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from pathlib import Path

from drivseg_ros.bags.dataset_info import (
    DRIVE,
    NAME,
    DatasetInfo,
    read_dataset_info,
    read_frame_names,
)
from drivseg_ros.bags.labels import contradiction, labels_of_topic, recorded_labels
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.source import BagSource
from drivseg_ros.bags.topics import BagTopics, resolve_topics
from drivseg_ros.bags.typestore import HEADER
from drivseg_ros.base.topics import beside
from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.attributes import find_attributes, read_attributes
from drivseg_ros.frames.known_labels import read_labels
from drivseg_ros.frames.labels import Labels
from drivseg_ros.frames.pictures import open_pictures
from drivseg_ros.frames.registry import KINDS
from drivseg_ros.frames.source import DatasetSource, FrameSource, spread
from drivseg_ros.frames.spec import FORM, DatasetSpec, parse_spec
from drivseg_ros.frames.unlabelled import open_unlabelled
from drivseg_ros.model.card import ModelCard

BAG_SUFFIXES = ('.mcap', '.db3', '.bag')
RESAMPLE = ('auto', 'frames')


def open_source(
    text: str | Path,
    *,
    labels: str | None = None,
    with_labels: bool = True,
    image_topic: str | None = None,
    label_topic: str | None = None,
    mask_topic: str | None = None,
    confidence_topic: str | None = None,
    mask_classes: str | None = None,
    card: ModelCard | None = None,
    limit: int | None = None,
    data: Path | None = None,
    attributes: Path | None = None,
    resample: str = 'auto',
    labelled_only: bool = False,
    with_images: bool = False,
    evenly: bool = False,
    title: str | None = None,
) -> FrameSource:
    """Finds frames, their labels, and what these mean.

    What values mean is said by, in this order: `labels` (or `mask_classes`); a label_info recorded
    beside them; the data set that a bag was made of, or a classes.yaml beside a folder's labels.
    Values of which nobody says it are refused.

    Args:
        text: a bag; a folder of pictures, a picture or a video; or a data set (FORM).
        labels: what labels mean, for `read_labels`; of a folder also the folder of the labels.
        with_labels: whether labels are wanted; else those that are there are left alone.
        image_topic: of a bag; None: the one topic with images.
        label_topic: of a bag: labels (mono8) with the images' stamps; None: those of the data set
            that the bag was made of, if it was.
        mask_topic: of a bag: recorded masks.
        confidence_topic: of a bag, beside these masks.
        mask_classes: what masks mean, for `read_labels`; None: as `labels`.
        card: of the network, whose roles stand for classes of the same names.
        limit: take so many frames only: the first of a bag or a video, a choice by seed of a data
            set.
        data: what `${data}` stands for.
        attributes: a file of them; None: attributes.csv and the like in a data set's own folder.
        resample: 'auto', or 'frames' for each frame by itself.
        labelled_only: leave out a bag's images that have no label.
        with_images: read a bag's images beside recorded masks, too, to be looked at.
        evenly: spread `limit` over a bag or a video, instead of taking its first frames.
        title: what to call a bag; None: by its own name.

    Raises:
        ParameterError: if an option is not allowed, or does not fit these frames.
        DataError: if there are no frames, or nobody says what labels mean.
        BagError: if a bag or a topic cannot be read.
    """
    check_resample(resample)
    if limit is not None and limit < 1:
        raise ParameterError(f'a limit of {limit} frames was given; at least 1 is allowed')
    topics = BagTopics(image_topic, label_topic, mask_topic, confidence_topic)
    by_drive = resample == 'auto'
    path = Path(text)
    source: FrameSource
    if is_bag(path):
        source = _open_bag(
            path,
            topics,
            None if labels is None else read_labels(labels),
            None if mask_classes is None else read_labels(mask_classes),
            card,
            with_labels=with_labels,
            by_drive=by_drive,
            labelled_only=labelled_only,
            with_images=with_images,
            title=title,
        )
    elif topics != BagTopics() and (path.exists() or dataset_spec(str(text))):
        raise ParameterError(
            f"'{text}' is no bag, and topics were given; leave them out (labels of pictures are "
            'named by --labels)'
        )
    elif path.exists():
        if with_labels:
            network = () if card is None else card.classes
            pictures = open_pictures(path, labels=labels, network=network)
        else:
            pictures = open_unlabelled(path)
        name = path.resolve().name
        source = DatasetSource(name, pictures, given=str(text), by_drive=by_drive)
    else:
        spec = dataset_spec(str(text))
        if limit is not None:
            spec = dataclasses.replace(spec, options={**spec.options, 'limit': limit})
        given = None if labels is None else read_labels(labels)
        dataset = spec.open(data, labels=given)
        source = DatasetSource(spec.title, dataset, given=str(text), by_drive=by_drive)
    if limit is not None and limit < len(source):
        source = spread(source, limit) if evenly else source.take(range(limit))
    if attributes is None:
        attributes = attributes_beside(str(text), data)
    source.attributes = None if attributes is None else read_attributes(attributes)
    return source


def is_bag(path: Path) -> bool:
    """Whether what is there is taken for a bag, and not for pictures."""
    if path.is_file():
        return path.suffix.lower() in BAG_SUFFIXES
    return path.is_dir() and any(
        f.name == 'metadata.yaml' or f.suffix in BAG_SUFFIXES for f in path.iterdir()
    )


def dataset_spec(text: str) -> DatasetSpec:
    """The data set that is meant where no bag, folder or file has this name.

    Raises:
        DataError: if none is meant.
        ParameterError: if it is not understood.
    """
    if '=' not in text and text.partition(':')[0] not in KINDS:
        raise DataError(
            f"there is nothing at '{text}', nor a data set of that kind; give a bag, a folder of "
            f'pictures, a video, or a data set {FORM} (`drivseg dataset kinds`)'
        )
    return parse_spec(text)


def attributes_beside(text: str, data: Path | None) -> Path | None:
    """The file of attributes in the folder of a data set or of pictures, if it is there.

    Args:
        text: as for `open_source`.
        data: what `${data}` stands for.
    """
    path = Path(text)
    if is_bag(path):
        return None
    folder = path if path.exists() else dataset_spec(text).folder(data)
    return find_attributes(folder) if folder is not None and folder.is_dir() else None


def check_resample(text: str) -> None:
    """Refuses a way to resample that there is not.

    Raises:
        ParameterError: if there is no such way.
    """
    if text not in RESAMPLE:
        raise ParameterError(f'--resample {text!r} is not known; allowed are {", ".join(RESAMPLE)}')


def _open_bag(
    path: Path,
    topics: BagTopics,
    labels: Labels | None,
    masks: Labels | None,
    card: ModelCard | None,
    *,
    with_labels: bool,
    by_drive: bool,
    labelled_only: bool,
    with_images: bool,
    title: str | None,
) -> BagSource:
    info = read_dataset_info(path)
    said = ''
    with BagReader(path) as reader:
        topics = resolve_topics(reader, topics, info=info)
        if not with_labels:
            topics = dataclasses.replace(topics, label=None)
        if topics.label is not None and labels is not None:
            with suppress(DataError):  # it says several things: no help
                said = contradiction(recorded_labels(reader, topics.label, info), labels)
    names, drives = _names_and_drives(path, info, topics)
    source = BagSource(
        path,
        topics,
        labels,
        masks=masks,
        names=names,
        drives=drives,
        by_drive=by_drive,
        labelled_only=labelled_only,
        with_images=with_images,
        title=title,
    )
    source.contradiction = said
    source.labels = labels_of_topic(path, topics.label, info, card, given=source.labels)
    source.masks = labels_of_topic(
        path, topics.mask, info, None, given=source.masks, option='--mask-classes'
    )
    return source


def _names_and_drives(
    path: Path, info: DatasetInfo | None, topics: BagTopics
) -> tuple[dict[int, str], dict[int, str]]:
    """What a bag says of its frames by their stamps.

    A recording of a bag that was made of a data set has lost what that says, and kept the topics.
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
