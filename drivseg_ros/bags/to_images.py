# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A folder of images, labels and masks from a bag, as the data set kind `folder` reads it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from drivseg_ros.bags.dataset_info import NAME, read_dataset_info, read_frame_names
from drivseg_ros.bags.image_frames import FrameError, FrameFolder
from drivseg_ros.bags.labels import recorded_labels
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.stamped import StampedFrame, StampedFrames
from drivseg_ros.bags.topics import BagTopics, resolve_topics
from drivseg_ros.bags.typestore import HEADER
from drivseg_ros.base.topics import beside
from drivseg_ros.base.whole_file import write_whole
from drivseg_ros.errors import BagError, DataError, ImageError, ParameterError
from drivseg_ros.frames.classes import CLASSES_FILE, classes_text
from drivseg_ros.frames.labels import Labels
from drivseg_ros.images.codec import decode_labels
from drivseg_ros.model.card import ModelClass

_MADE = ('images', 'labels', 'masks', CLASSES_FILE)
FORMATS = ('png', 'jpg')
"""What raw images become."""


@dataclass(frozen=True)
class ImageFolderOptions:
    """What is taken out of a bag, and how.

    Attributes:
        output: the folder to make.
        overwrite: whether a folder that was made so before may be replaced; else it must be new or
            empty.
        image_topic: raw or compressed images; None for those of the data set that the bag was made
            of, or else the only ones there.
        label_topic: class ids (mono8) with the images' stamps; None for the data set's, if its
            images are taken. Images without a label are left out then.
        mask_topic: class ids that a network predicted, with the images' stamps, or None.
        name_topic: the frames' names (dataset_info.py); '' for the data set's, if its images are
            taken, or for 'name' beside the images, if that is there.
        labels: what the values in the labels mean; None: as the bag says (bags/labels.py).
        image_format: what raw images become: 'png', or 'jpg', which is not exact.
        jpeg_quality: of 'jpg', 1 to 100.
    """

    output: Path
    overwrite: bool = False
    image_topic: str | None = None
    label_topic: str | None = None
    mask_topic: str | None = None
    name_topic: str = ''
    labels: Labels | None = None
    image_format: str = 'png'
    jpeg_quality: int = 90

    def __post_init__(self) -> None:
        if self.image_format not in FORMATS:
            raise ParameterError(
                f'images are not written as {self.image_format!r}; allowed: {", ".join(FORMATS)}'
            )
        if not 1 <= self.jpeg_quality <= 100:
            raise ParameterError(f'JPEG quality {self.jpeg_quality} is out of range; 1 to 100')


@dataclass
class MadeImages:
    """What was made.

    Attributes:
        folder: the folder.
        images: how many were written, each with its label if labels were taken.
        masks: how many of them have a mask.
        failed: what is wrong with frames that could not be written, by their names.
        without_label: images that were left out because no label has their stamp.
        spare: labels and masks of no image; 0 if it was ended early.
        by_stamp: images named by their stamps for want of a name.
        label_topic: where the labels came from; '' for none.
        classes: the classes of the labels; empty if they are unknown.
        interrupted: it was ended early.
    """

    folder: Path
    images: int = 0
    masks: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    without_label: int = 0
    spare: int = 0
    by_stamp: int = 0
    label_topic: str = ''
    classes: tuple[ModelClass, ...] = ()
    interrupted: bool = False


@dataclass(frozen=True)
class _Topics:
    image: str
    label: str
    mask: str
    name: str
    meaning: Labels | None


def images_from_bag(
    bag: Path,
    options: ImageFolderOptions,
    *,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    on_failure: Callable[[str], None] = lambda message: None,
) -> MadeImages:
    """Writes the frames of a bag to images/, labels/ and masks/, and classes.yaml beside them.

    A file has its frame's name if the bag states it (dataset_info.py), else its stamp, as in
    1700000000_050000000. JPEG and PNG files in compressed images are kept byte for byte. A frame
    of which a part cannot be used is left out whole, and the rest goes on. However it ends,
    every image in the folder has its label; an error, and a bag of which nothing can be used, leave
    no folder.

    Args:
        bag: the bag.
        options: see there.
        stop: asked before each frame; True ends it.
        progress: called with the images gone through and their number.
        on_failure: called with what is wrong with a frame.

    Raises:
        DataError: if the folder is not empty or cannot be written.
        BagError: if the bag cannot be read, or a topic is not there or holds something else.
    """
    _check_way(options.output, overwrite=options.overwrite)
    with BagReader(bag) as reader:
        topics = _topics(bag, reader, options)
        names = read_frame_names(reader, topics.name) if topics.name else {}
    frames = StampedFrames(bag, topics.image, {topics.label, topics.mask} - {''})
    folder = FrameFolder(
        options.output,
        names=names,
        raw_as=options.image_format,
        jpeg_quality=options.jpeg_quality,
    )
    places = [
        i
        for i, stamp in enumerate(frames.order)
        if not topics.label or stamp in frames.counts[topics.label]
    ]
    classes = () if topics.meaning is None else topics.meaning.classes
    made = MadeImages(options.output, label_topic=topics.label, classes=classes)
    made.without_label = len(frames.order) - len(places)

    def leave_out(name: str, reason: str) -> None:
        if name not in made.failed:  # several have one stamp
            made.failed[name] = reason
            on_failure(f'{name}: {reason}')

    for name, reason in frames.broken.items():
        leave_out(name, reason)
    there, whole = options.output.is_dir(), True
    if there:
        _clear(options.output)
    _make(options.output)
    if classes:
        write_whole(options.output / CLASSES_FILE, classes_text(classes))
    try:
        for done, frame in enumerate(frames.read(places), start=1):
            if stop():
                made.interrupted = True
                break
            try:
                if frames.ambiguous(frame.stamp_ns):
                    raise FrameError(frames.why(frame.stamp_ns))
                folder.add(frame, _planes(frame, topics))
            except FrameError as error:
                leave_out(folder.name(frame.stamp_ns), str(error))
            progress(done, len(places))
    except Exception:
        whole = False
        raise
    finally:
        folder.finish()
        if not (whole and folder.images):
            _clear(options.output)
            if not there:
                options.output.rmdir()
    if not made.interrupted:
        made.spare = sum(frames.unmatched(topic) for topic in frames.others)
    made.images, made.masks, made.by_stamp = folder.images, folder.masks, folder.by_stamp
    return made


def _planes(frame: StampedFrame, topics: _Topics) -> dict[str, np.ndarray]:
    """Label and mask of a frame.

    Raises:
        FrameError: if they cannot be used.
    """
    planes = {}
    for what, topic in (('label', topics.label), ('mask', topics.mask)):
        if topic not in frame.partners:
            continue
        try:
            ids = decode_labels(frame.partners[topic].message)
            if what == 'label' and topics.meaning is not None:
                ids = topics.meaning.apply(ids, what='it')
        except (ImageError, BagError, DataError) as error:
            raise FrameError(f'its {what} cannot be used: {error}') from None
        planes[what] = ids
    return planes


def _topics(bag: Path, reader: BagReader, options: ImageFolderOptions) -> _Topics:
    info = read_dataset_info(bag)
    asked = BagTopics(options.image_topic, options.label_topic, options.mask_topic)
    found = resolve_topics(reader, asked, info=info)
    image, label = str(found.image), found.label or ''
    meaning = options.labels
    if meaning is not None and not label:
        raise ParameterError(
            '--labels says what labels mean, and there is no label topic; name it (--label-topic), '
            'or leave --labels out'
        )
    if meaning is None and label:
        meaning = recorded_labels(reader, label, info)
    name = options.name_topic or (info.name_topic if info and info.image_topic == image else '')
    if not options.name_topic and name not in reader.topics:
        name = beside(image, NAME)
        there = reader.topics.get(name)
        name = name if there is not None and there.msgtype == HEADER else ''
    return _Topics(image, label, found.mask or '', name, meaning)


def _check_way(output: Path, *, overwrite: bool) -> None:
    """Refuses a folder that is not empty, unless it was made so before and may be replaced."""
    if output.exists() and not output.is_dir():
        raise DataError(f"'{output}' is a file; name a folder")
    entries = list(output.iterdir()) if output.is_dir() else []
    others = [entry.name for entry in entries if entry.name not in _MADE]
    if others or (entries and not overwrite):
        raise DataError(
            f"the folder '{output}' is not empty (it holds {(others or [entries[0].name])[0]}); "
            'name a new one, or replace one that this command made with --overwrite'
        )


def _clear(folder: Path) -> None:
    """Deletes what this command makes in a folder."""
    for entry in (folder / name for name in _MADE):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"the folder '{folder}' cannot be made ({error.strerror or error}); name another"
        ) from None
