# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a sequence of pictures, with their labels and calibration, into a bag."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drivseg_ros.bags import messages
from drivseg_ros.bags.calibration import Calibration
from drivseg_ros.bags.qos import TopicQos
from drivseg_ros.bags.typestore import HEADER
from drivseg_ros.bags.writer import BagWriter, check_storage
from drivseg_ros.base.topics import raw_topic
from drivseg_ros.errors import BagError, ParameterError
from drivseg_ros.images.codec import encode_jpeg

ENCODINGS = ('bgr8', 'rgb8')
# A moment of 2023 rather than 0: nodes on simulated time take 0 for "no time yet". Fixed, so that
# the same pictures give the same bag everywhere.
DEFAULT_START_NS = 1_700_000_000_000_000_000
_COMPRESSED = '/compressed'


@dataclass(frozen=True)
class ImageBagOptions:
    """How pictures become a bag.

    Attributes:
        output: the bag folder to make.
        topic: topic of the images; with jpeg, '/compressed' is appended unless it is there.
        frame_id: header frame of everything.
        encoding: 'bgr8' or 'rgb8', of raw images.
        jpeg: write sensor_msgs/CompressedImage instead of Image.
        jpeg_quality: 1 to 100, of pictures that are not JPEG already.
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
    jpeg: bool = False
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
                f'image, label, camera_info, drive and name topics must differ; given {topics}'
            )

    @property
    def image_topic(self) -> str:
        """Where the images go, by image_transport's naming."""
        suffix = _COMPRESSED if self.jpeg and not self.topic.endswith(_COMPRESSED) else ''
        return self.topic + suffix

    @property
    def _namespace(self) -> str:
        return raw_topic(self.topic).rsplit('/', 1)[0]

    @property
    def labels_on(self) -> str:
        """Where the labels go."""
        return self.label_topic or f'{self._namespace}/label'

    @property
    def camera_info_on(self) -> str:
        """Where the calibration goes."""
        return self.camera_info_topic or f'{self._namespace}/camera_info'

    @property
    def names_on(self) -> str:
        """Where the names go."""
        return self.name_topic or names_beside(self.topic)

    @property
    def drives_on(self) -> str:
        """Where the drives go."""
        return drives_beside(self.topic)


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        name: what to call it in an error.
        stamp_ns: its time.
        rgb: uint8 [H, W, 3] RGB, any strides.
        file: a JPEG or PNG file with the picture, which a compressed image takes as it is.
        grey_file: that file has one channel.
        labels: uint8 [H, W] class ids, or None.
        title: its name in its data set, for the name topic.
        drive: the drive it is from, for the drive topic.
    """

    name: str
    stamp_ns: int
    rgb: np.ndarray
    file: bytes | None = None
    grey_file: bool = False
    labels: np.ndarray | None = None
    title: str | None = None
    drive: str | None = None


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


def names_beside(image_topic: str) -> str:
    """Where the names of a topic's images are, unless somebody chose another place."""
    return f'{raw_topic(image_topic).rpartition("/")[0]}/name'


def drives_beside(image_topic: str) -> str:
    """Where the drives of a topic's images are."""
    return f'{raw_topic(image_topic).rpartition("/")[0]}/drive'


def write_image_bag(
    frames: Iterable[Frame],
    options: ImageBagOptions,
    *,
    has_labels: bool = False,
    has_titles: bool = False,
    has_drives: bool = False,
    calibration: Calibration | None = None,
    custom_data: Mapping[str, str] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> MadeBag:
    """Writes frames, one after the other, so that memory stays flat.

    However it ends (an error in a frame, Ctrl-C), the bag is readable and holds every frame that
    was complete.

    Args:
        frames: the pictures with growing stamps.
        options: topics, encoding and so on.
        has_labels: add the label topic.
        has_titles: add the name topic.
        has_drives: add the drive topic.
        calibration: add a CameraInfo to every image.
        custom_data: goes into the bag's metadata.
        progress: called with the number of frames done.

    Raises:
        BagError: if the output is taken, a frame does not fit, or there was no frame.
    """
    first: int | None = None
    last = -1
    with BagWriter(
        options.output,
        overwrite=options.overwrite,
        storage=options.storage,
        custom_data=custom_data,
    ) as writer:
        image_type = 'sensor_msgs/msg/CompressedImage' if options.jpeg else 'sensor_msgs/msg/Image'
        writer.add_topic(options.image_topic, image_type, qos=TopicQos())
        if has_labels:
            writer.add_topic(options.labels_on, 'sensor_msgs/msg/Image', qos=TopicQos())
        if has_titles:
            writer.add_topic(options.names_on, HEADER, qos=TopicQos())
        if has_drives:
            writer.add_topic(options.drives_on, HEADER, qos=TopicQos())
        if calibration:
            writer.add_topic(options.camera_info_on, 'sensor_msgs/msg/CameraInfo', qos=TopicQos())
        for done, frame in enumerate(frames, start=1):
            if frame.stamp_ns <= last:
                raise BagError(
                    f'{frame.name} has stamp {frame.stamp_ns} ns, not after the {last} ns of the '
                    'one before; stamps must grow'
                )
            _write_frame(writer, frame, options, calibration)
            first = frame.stamp_ns if first is None else first
            last = frame.stamp_ns
            progress(done)
    if first is None:
        raise BagError(f"there was no picture to write into '{options.output}'")
    return MadeBag(options.output, dict(writer.counts), first, last)


def _write_frame(
    writer: BagWriter, frame: Frame, options: ImageBagOptions, calibration: Calibration | None
) -> None:
    stamp, frame_id = frame.stamp_ns, options.frame_id
    height, width = frame.rgb.shape[:2]
    # All is made before anything is written: a frame that does not fit leaves no half of it.
    made: list[tuple[str, Any]] = []
    if calibration is not None:
        if (calibration.width, calibration.height) != (width, height):
            raise BagError(
                f'{frame.name} is {width}x{height} but the calibration is for '
                f'{calibration.width}x{calibration.height}; give the one of this camera'
            )
        info = messages.camera_info(calibration, stamp_ns=stamp, frame_id=frame_id)
        made.append((options.camera_info_on, info))
    if frame.labels is not None:
        if frame.labels.shape != (height, width):
            raise BagError(
                f'the label of {frame.name} is {frame.labels.shape[1]}x{frame.labels.shape[0]} '
                f'but the image is {width}x{height}; they must have the same size'
            )
        label = messages.image(frame.labels, encoding='mono8', stamp_ns=stamp, frame_id=frame_id)
        made.append((options.labels_on, label))
    if frame.title is not None:
        made.append((options.names_on, messages.header(stamp, frame.title)))
    if frame.drive is not None:
        made.append((options.drives_on, messages.header(stamp, frame.drive)))
    made.append((options.image_topic, _image_message(frame, options)))
    for topic, message in made:
        writer.write(topic, stamp, message)


def _image_message(frame: Frame, options: ImageBagOptions) -> Any:
    stamp, frame_id = frame.stamp_ns, options.frame_id
    if not options.jpeg:
        pixels = frame.rgb if options.encoding == 'rgb8' else frame.rgb[..., ::-1]
        return messages.image(pixels, encoding=options.encoding, stamp_ns=stamp, frame_id=frame_id)
    if frame.file is not None:
        return messages.compressed_image(
            frame.file, grey=frame.grey_file, stamp_ns=stamp, frame_id=frame_id
        )
    jpeg = encode_jpeg(frame.rgb, quality=options.jpeg_quality)
    return messages.compressed_image(jpeg, stamp_ns=stamp, frame_id=frame_id)
