# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a bag: images or masks, with labels and confidence of the same stamps."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from drivseg_ros.bags.image_messages import decode, image_rate_hz
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.stamped import StampedFrame, StampedFrames, StampedMessages, seconds
from drivseg_ros.bags.topics import BagTopics, resolve_topics
from drivseg_ros.errors import BagError, DataError, ImageError
from drivseg_ros.frames.labelled_frame import DROPPED, LabelledFrame, LostFrame
from drivseg_ros.frames.labels import Labels
from drivseg_ros.frames.source import FrameSource
from drivseg_ros.images.codec import decode_labels
from drivseg_ros.model.card import UNLABELLED

BLOCK_S = 5
"""Frames of a bag are resampled by so many seconds: those of one moment are alike."""


class BagSource(FrameSource):
    """A bag; what belongs to a frame is what has its header stamp, and nothing else.

    Args:
        bag: where it is.
        topics: what is taken from it.
        labels: what the values in its labels mean; needed with a topic of labels.
        masks: what those in its masks mean; None: the same.
        names: of frames by stamp in nanoseconds; the others are called by their stamps.
        drives: of frames by stamp, if the bag was made of a data set that knows them.
        by_drive: whether frames are resampled by drive, those without a name by BLOCK_S seconds,
            and not one by one.
        labelled_only: leave out the images that have no label.
        with_images: read the images beside recorded masks, too, to be looked at.
        title: what to call it; None: the name of its folder or file.

    Attributes:
        bag: where it is.
        topics: what is taken from it, the one topic with images found.
        without_label: images that were left out because they have no label.
        contradiction: where the bag says something else of its labels than `labels`, a sentence.

    Raises:
        BagError: if the bag or a topic cannot be read, or holds something else.
        DataError: if there are no frames, or none whose label or confidence is known.
    """

    def __init__(
        self,
        bag: Path,
        topics: BagTopics,
        labels: Labels | None = None,
        *,
        masks: Labels | None = None,
        names: Mapping[int, str] | None = None,
        drives: Mapping[int, str] | None = None,
        by_drive: bool = True,
        labelled_only: bool = False,
        with_images: bool = False,
        title: str | None = None,
    ) -> None:
        self.bag = bag
        self.title = bag.resolve().name if title is None else title
        self._names, self._drives = names or {}, drives or {}
        self._by_drive = by_drive
        with BagReader(bag) as reader:
            self._unfinished = reader.unfinished
            self.topics = topics = resolve_topics(reader, topics)
            images = topics.mask is None
            topic = str(topics.image if images else topics.mask)
            self.rate_hz = image_rate_hz(reader, topic)
        others = {t for t in (topics.label, topics.confidence) if t is not None}
        frames = StampedFrames(bag, topic, others)
        self._frames = frames
        self.has_images = images
        self.labels = labels if topics.label is not None else None
        self.masks = None if images else (masks or labels)
        # Frames of a data set have names of their own; recorded and rendered drives have stamps.
        self.is_drive = not self._names
        if not frames.order:
            raise DataError(f"bag '{bag}' has no message on {frames.topic}; name another topic")
        for topic in frames.others:
            self._check_partners(topic)
        if all(frames.ambiguous(stamp) for stamp in frames.order):
            raise DataError(f"in bag '{bag}', no frame can be used: {frames.why(frames.order[0])}")
        self._first = min(frames.order)
        self._places: Sequence[int] = range(len(frames.order))
        self.without_label = 0
        self.contradiction = ''
        if labelled_only and topics.label is not None:
            labelled = frames.counts[topics.label]
            self._places = [i for i, stamp in enumerate(frames.order) if stamp in labelled]
            self.without_label = len(frames.order) - len(self._places)
        if topics.label is not None:
            self.unmatched_labels = frames.unmatched(topics.label)
        self._broken = frames.broken
        self._dropped: list[int] = []
        self._beside: set[int] = set()
        if not images and topics.image is not None:
            there = StampedFrames(bag, topics.image, ()).order
            self._dropped = [s for s in there if s not in frames.counts[frames.topic]]
            if with_images:
                self._beside = set(there) & frames.counts[frames.topic].keys()

    def __len__(self) -> int:
        return len(self._places) + len(self._dropped) + len(self._broken)

    def __iter__(self) -> Iterator[LabelledFrame | LostFrame]:
        with ExitStack() as stack:
            images = None
            beside = self._beside & {self._frames.order[place] for place in self._places}
            if beside:
                images = StampedMessages(self.bag, str(self.topics.image), beside)
                stack.enter_context(images)
            for frame in self._frames.read(self._places):
                name = self._name(frame.stamp_ns, frame.place)
                if self._frames.ambiguous(frame.stamp_ns):
                    yield LostFrame(name, 'stamp', self._frames.why(frame.stamp_ns))
                else:
                    yield self._decode(name, frame, images)
        for stamp in self._dropped:
            yield LostFrame(
                self._name(stamp),
                DROPPED,
                f'{self.topics.image} has it, {self._frames.topic} has not',
            )
        for name, reason in self._broken.items():
            yield LostFrame(name, 'message', reason)

    def take(self, places: Sequence[int]) -> BagSource:
        """See FrameSource; frames that were dropped and broken messages come last and stay out.

        Labels behind the last of these frames do not count as unmatched.
        """
        taken = copy.copy(self)
        taken._places = sorted(self._places[i] for i in places if i < len(self._places))
        taken._dropped, taken._broken = [], {}
        if self.topics.label is not None:
            kept = {self._frames.order[place] for place in taken._places}
            taken.unmatched_labels = self._frames.unmatched(self.topics.label, kept)
        return taken

    def describe(self) -> dict[str, Any]:
        """Where the frames are from."""
        topics = self.topics
        return {
            'kind': 'bag',
            'given': str(self.bag),
            'title': self.title,
            'unfinished': self._unfinished,
            'image_topic': topics.image,
            'label_topic': topics.label,
            'mask_topic': topics.mask,
            'confidence_topic': topics.confidence,
            'labels': '' if self.labels is None else self.labels.name,
            'contradiction': self.contradiction,
            'resampled_by': self._resampled_by,
        }

    @property
    def _resampled_by(self) -> str:
        if not self._by_drive:
            return 'frame'
        if self._names:
            return 'drive' if self._drives else 'frame'
        return f'blocks of {BLOCK_S} s'

    def _group(self, stamp: int, name: str) -> str:
        """What a frame is resampled with; of a data set the same as in its folder."""
        if stamp in self._names:
            return self._drives.get(stamp, name) if self._by_drive else name
        if not self._by_drive:
            return f'{self.title}, {name}'
        block = (stamp - self._first) // (BLOCK_S * 10**9) * BLOCK_S
        return f'{self.title}, from {block} s'

    def _check_partners(self, topic: str) -> None:
        """Refuses a topic of which no message goes with a frame."""
        frames = self._frames
        there = frames.counts[topic]
        if not there:
            raise DataError(f"bag '{self.bag}' has no message on {topic}; name another topic")
        if not there.keys() & frames.counts[frames.topic].keys():
            raise DataError(
                f"in bag '{self.bag}', no message of {topic} (first stamp "
                f'{seconds(next(iter(there)))}) has the stamp of one of {frames.topic} (first '
                f'stamp {seconds(frames.order[0])}); only what has the same header stamp belongs '
                'together: name other topics, or let the node keep the stamps of its images'
            )

    def _name(self, stamp: int, place: int | None = None) -> str:
        """What a frame is called; where a stamp comes again, with the frame's number."""
        name = self._names.get(stamp) or seconds(stamp)
        if place is not None and self._frames.counts[self._frames.topic][stamp] > 1:
            return f'{name} ({place + 1})'
        return name

    def _decode(
        self, name: str, frame: StampedFrame, images: StampedMessages | None
    ) -> LabelledFrame | LostFrame:
        topics = self.topics
        planes: dict[str, np.ndarray] = {}
        for topic, message in {self._frames.topic: frame.message, **frame.partners}.items():
            is_image = self.has_images and topic == self._frames.topic
            try:
                planes[topic] = decode(message) if is_image else decode_labels(message.message)
            except (ImageError, BagError) as error:
                return LostFrame(name, getattr(error, 'kind', 'message'), f'{topic}: {error}')
        if len({plane.shape[:2] for plane in planes.values()}) > 1:
            sizes = [f'{topic} is {p.shape[1]}x{p.shape[0]}' for topic, p in planes.items()]
            return LostFrame(
                name,
                'size',
                f'{", ".join(sizes)}; they must have one size, for nothing is stretched to fit: '
                'let the node publish at the size of its images, or bring labels of its size',
            )
        try:
            label, mask = self._ids(planes.get(topics.label or ''), planes.get(topics.mask or ''))
        except DataError as error:
            raise DataError(f'the frame {name}: {error}') from None
        return LabelledFrame(
            name,
            self._image(frame, planes, images),
            label,
            mask,
            planes.get(topics.confidence or ''),
            stamp_ns=frame.stamp_ns,
            group=self._group(frame.stamp_ns, name),
            sequence=self._drives.get(frame.stamp_ns, self.title),
            frame_id=frame.message.message.header.frame_id,
            time_ns=frame.message.time_ns,
        )

    def _image(
        self,
        frame: StampedFrame,
        planes: Mapping[str, np.ndarray],
        images: StampedMessages | None,
    ) -> np.ndarray | None:
        """The image of a frame, or that beside its mask; None if that cannot be read."""
        if self.has_images:
            return planes[self._frames.topic]
        if images is None or frame.stamp_ns not in self._beside:
            return None
        try:
            return decode(images.take(frame.stamp_ns))
        except (ImageError, BagError, DataError):
            return None  # it was only to be looked at

    def _ids(
        self, label: np.ndarray | None, mask: np.ndarray | None
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Class ids of the values that were recorded."""
        true = None if label is None or self.labels is None else self.labels.apply(label)
        if mask is None:
            return true, None
        said = mask if self.masks is None else self.masks.apply(mask, what='mask')
        if true is not None:
            silent = (said == UNLABELLED) & (true != UNLABELLED)
            if silent.any():
                raise DataError(
                    f'the mask has the values {np.unique(mask[silent]).tolist()}, which stand for '
                    'no class, where the label has one; give them to a class (--mask-classes)'
                )
        return true, said
