# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a sequence of pictures, with their labels and calibration, into a bag."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from drivseg_ros.bags import messages
from drivseg_ros.bags.calibration import Calibration
from drivseg_ros.bags.dataset_info import DATASET_KEY, DRIVE, LABELS, NAME, DatasetInfo
from drivseg_ros.bags.qos import LATCHED, TopicQos
from drivseg_ros.bags.typestore import HEADER, LABEL_INFO
from drivseg_ros.bags.writer import BagWriter, check_storage
from drivseg_ros.base.topics import COMPRESSED, beside, raw_topic
from drivseg_ros.errors import BagError, ParameterError
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.images.compression import encode_jpeg, encode_png, read_header
from drivseg_ros.images.other_pictures import other_format

ENCODINGS = ('bgr8', 'rgb8')
# A moment of 2023 rather than 0: nodes on simulated time take 0 for "no time yet". Fixed, so that
# the same pictures give the same bag everywhere.
DEFAULT_START_NS = 1_700_000_000_000_000_000


@dataclass(frozen=True)
class ImageBagOptions:
    """How pictures become a bag.

    Attributes:
        output: the bag folder to make.
        topic: topic of the images; '/compressed' is appended to those that are compressed.
        frame_id: header frame of everything.
        encoding: 'bgr8' or 'rgb8', of raw images.
        compressed: write sensor_msgs/CompressedImage instead of Image. JPEG and PNG files are
            passed on byte for byte; PNG files of 16 bits or with transparency, and resized ones,
            are PNG again, all other pictures JPEG.
        jpeg_quality: 1 to 100.
        label_topic: topic of the labels; '' for 'label' beside the image topic.
        camera_info_topic: topic of the calibration; '' for 'camera_info' beside the image topic.
        name_topic: topic of the pictures' names; '' for 'name' beside the image topic.
        start_ns: stamp of the first picture where the pictures have no stamps of their own.
        overwrite: replace a bag that is there.
        storage: 'mcap' or 'sqlite3'.
    """

    output: Path
    topic: str = '/camera/image_raw'
    frame_id: str = 'camera_optical_frame'
    encoding: str = 'bgr8'
    compressed: bool = False
    jpeg_quality: int = 90
    label_topic: str = ''
    camera_info_topic: str = ''
    name_topic: str = ''
    start_ns: int = DEFAULT_START_NS
    overwrite: bool = False
    storage: str = 'mcap'

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise ParameterError(
                f"encoding '{self.encoding}' is not written; allowed: {', '.join(ENCODINGS)}"
            )
        if not 1 <= self.jpeg_quality <= 100:
            raise ParameterError(f'JPEG quality {self.jpeg_quality} is out of range; 1 to 100')
        if self.start_ns < 0:
            raise ParameterError(f'start {self.start_ns} ns is before 1970; give 0 or more')
        check_storage(self.storage)
        topics = [
            self.image_topic,
            self.labels_on,
            self.label_info_on,
            self.camera_info_on,
            self.names_on,
            self.drives_on,
        ]
        if any(not t.startswith('/') or t.endswith('/') for t in topics):
            raise ParameterError(
                f"topics must be absolute, like '/camera/image_raw'; given {topics}"
            )
        if len(set(topics)) != len(topics):
            raise ParameterError(
                f'image, label, label_info, camera_info, drive and name topics must differ; given '
                f'{topics}'
            )

    @property
    def image_topic(self) -> str:
        """Where the images go, by image_transport's naming."""
        return raw_topic(self.topic) + COMPRESSED if self.compressed else self.topic

    @property
    def labels_on(self) -> str:
        """Where the labels go."""
        return self.label_topic or beside(self.topic, 'label')

    @property
    def label_info_on(self) -> str:
        """Where the names of the labels' ids go."""
        return beside(self.labels_on, LABELS)

    @property
    def camera_info_on(self) -> str:
        """Where the calibration goes."""
        return self.camera_info_topic or beside(self.topic, 'camera_info')

    @property
    def names_on(self) -> str:
        """Where the names go."""
        return self.name_topic or beside(self.topic, NAME)

    @property
    def drives_on(self) -> str:
        """Where the drives go."""
        return beside(self.topic, DRIVE)


@dataclass(frozen=True, eq=False)
class FileFrame(LabelledFrame):
    """A frame with the picture file that its image came in, or from which it was resized."""

    file: bytes = b''


@dataclass(frozen=True)
class MadeBag:
    """What was made.

    Attributes:
        path: the bag.
        counts: messages by topic.
        start_ns: first stamp.
        end_ns: last stamp.
    """

    path: Path
    counts: dict[str, int]
    start_ns: int
    end_ns: int


def write_image_bag(
    frames: Iterable[LabelledFrame],
    options: ImageBagOptions,
    *,
    has_labels: bool = False,
    calibration: Calibration | None = None,
    info: DatasetInfo | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> MadeBag:
    """Writes frames, one after the other, so that memory stays flat.

    An error leaves no bag: one that ends early would pass for a whole one, and be in the way of the
    next try. After Ctrl-C it is readable and holds every frame that was complete.

    Args:
        frames: the frames with growing stamps.
        options: topics, encoding and so on.
        has_labels: add the label topic.
        calibration: add a CameraInfo to every image.
        info: the data set that the frames are of; it is kept in the bag, and with it the frames'
            names and drives if it has topics for them.
        progress: called with the number of frames done.

    Raises:
        BagError: if the output is taken, a frame does not fit, or there was no frame.
    """
    # Before the bag of the last time is replaced: most sources that fail do so at once.
    frames = iter(frames)
    first_frame = next(frames, None)
    if first_frame is None:
        raise BagError(f"there was no picture to write into '{options.output}'")
    frames = chain([first_frame], frames)
    kind = 'CompressedImage' if options.compressed else 'Image'
    topics = {options.image_topic: f'sensor_msgs/msg/{kind}'}
    if has_labels:
        topics[options.labels_on] = 'sensor_msgs/msg/Image'
    if info is not None and info.classes:
        topics[options.label_info_on] = LABEL_INFO
    if info is not None:
        topics |= {topic: HEADER for topic in (info.name_topic, info.drive_topic) if topic}
    if calibration:
        topics[options.camera_info_on] = 'sensor_msgs/msg/CameraInfo'
    writer = BagWriter(
        options.output,
        overwrite=options.overwrite,
        storage=options.storage,
        custom_data=None if info is None else {DATASET_KEY: info.to_json()},
    )
    try:
        with writer:
            for topic, msgtype in topics.items():
                qos = LATCHED if msgtype == LABEL_INFO else TopicQos()
                writer.add_topic(topic, msgtype, qos=qos)
            first, last = _write(writer, frames, options, set(topics), calibration, info, progress)
    except Exception:  # but not an interrupt
        shutil.rmtree(options.output, ignore_errors=True)
        raise
    return MadeBag(options.output, dict(writer.counts), first, last)


def _write(
    writer: BagWriter,
    frames: Iterable[LabelledFrame],
    options: ImageBagOptions,
    topics: Collection[str],
    calibration: Calibration | None,
    info: DatasetInfo | None,
    progress: Callable[[int], None],
) -> tuple[int, int]:
    """Writes the frames; returns the first and the last stamp."""
    first: int | None = None
    last = -1
    for done, frame in enumerate(frames, start=1):
        if frame.stamp_ns is None or frame.stamp_ns <= last:
            raise BagError(
                f"the frame '{frame.name}' has stamp {frame.stamp_ns} ns, not after the {last} "
                'ns of the one before; stamps must grow'
            )
        if first is None and info is not None and info.classes:
            classes = messages.label_info(info.classes)
            writer.write(options.label_info_on, frame.stamp_ns, classes)
        # All is made before anything is written: after Ctrl-C no frame is half there.
        for topic, message in list(_messages(frame, options, calibration, info)):
            if topic in topics:
                writer.write(topic, frame.stamp_ns, message)
        first = frame.stamp_ns if first is None else first
        last = frame.stamp_ns
        progress(done)
    assert first is not None  # there was a frame
    return first, last


def _messages(
    frame: LabelledFrame,
    options: ImageBagOptions,
    calibration: Calibration | None,
    info: DatasetInfo | None,
) -> Iterator[tuple[str, Any]]:
    """What is written of a frame, by topic; the image comes last."""
    stamp_ns, frame_id = int(frame.stamp_ns or 0), options.frame_id
    if frame.image is None:
        raise BagError(f"the frame '{frame.name}' has no image; choose another source")
    height, width = frame.image.shape[:2]
    if calibration is not None:
        if (calibration.width, calibration.height) != (width, height):
            raise BagError(
                f"the frame '{frame.name}' is {width}x{height} but the calibration is for "
                f'{calibration.width}x{calibration.height}; give the one of this camera'
            )
        camera_info = messages.camera_info(calibration, stamp_ns=stamp_ns, frame_id=frame_id)
        yield options.camera_info_on, camera_info
    if frame.label is not None:
        yield (
            options.labels_on,
            messages.image(frame.label, encoding='mono8', stamp_ns=stamp_ns, frame_id=frame_id),
        )
    if info is not None:
        yield info.name_topic, messages.header(stamp_ns, frame.name)
        if frame.sequence:
            yield info.drive_topic, messages.header(stamp_ns, frame.sequence)
    if options.compressed:
        file = _file(frame, options.jpeg_quality)
        image = messages.compressed_image(file, stamp_ns=stamp_ns, frame_id=frame_id)
    else:
        pixels = frame.image if options.encoding == 'rgb8' else frame.image[..., ::-1]
        image = messages.image(
            pixels, encoding=options.encoding, stamp_ns=stamp_ns, frame_id=frame_id
        )
    yield options.image_topic, image


def _file(frame: LabelledFrame, quality: int) -> bytes:
    """The file to send: the frame's own where it may be passed on."""
    assert frame.image is not None  # _messages refused it
    if isinstance(frame, FileFrame) and frame.file and not other_format(frame.file):
        header = read_header(frame.file)
        if header.plain and (header.height, header.width) == frame.image.shape[:2]:
            return frame.file
        if header.codec == 'png':
            return encode_png(frame.image)
    return encode_jpeg(frame.image, quality=quality)
