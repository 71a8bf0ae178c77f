# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a bag: images or masks, with labels and confidence of the same stamps."""

from __future__ import annotations

import copy
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from drivseg_ros.bags.image_messages import decode, stamp_ns
from drivseg_ros.bags.reader import BagMessage, BagReader
from drivseg_ros.bags.topics import BagTopics, resolve_topics
from drivseg_ros.errors import BagError, DataError, ImageError
from drivseg_ros.frames.labelled_frame import DROPPED, LabelledFrame, LostFrame
from drivseg_ros.frames.labels import Labels
from drivseg_ros.frames.source import FrameSource
from drivseg_ros.images.codec import decode_labels
from drivseg_ros.model.card import UNLABELLED

BLOCK_S = 5
"""Frames of a bag are resampled by so many seconds: those of one moment are alike."""

# Partners lie near each other in a bag. Without a limit, a bag in which they do not would be held
# in memory.
_PENDING_LIMIT = 256


@dataclass(eq=False)
class _Pending:
    """A frame whose partners have not all come."""

    name: str
    stamp: int
    message: BagMessage
    wanted: set[str]
    partners: dict[str, BagMessage] = field(default_factory=dict)


class BagSource(FrameSource):
    """A bag; what belongs to a frame is what has its header stamp, and nothing else.

    Args:
        bag: where it lies.
        topics: what is taken from it.
        labels: what the values in its labels mean; needed with a topic of labels.
        masks: what those in its masks mean; None: the same.
        names: of frames by stamp in nanoseconds; the others are called by their stamps.
        drives: of frames by stamp, if the bag was made of a data set that knows them.
        by_drive: whether frames are resampled by drive, those without a name by BLOCK_S seconds,
            and not one by one.
        labelled_only: leave out the images that have no label.
        title: what to call it; None: the name of its folder or file.

    Attributes:
        bag: where it lies.
        topics: what is taken from it, the one topic with images found.
        without_label: images that were left out because they have no label.

    Raises:
        BagError: if the bag or a topic cannot be read, or holds something else.
        DataError: if there are no frames.
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
        title: str | None = None,
    ) -> None:
        self.bag = bag
        self.title = bag.resolve().name if title is None else title
        self._names, self._drives = names or {}, drives or {}
        self._by_drive = by_drive
        with BagReader(bag) as reader:
            self._unfinished = reader.unfinished
            self.topics = topics = resolve_topics(reader, topics)
            self._frames = str(topics.image if topics.mask is None else topics.mask)
            self._others = {
                t for t in (topics.label, topics.confidence) if t is not None and t != self._frames
            }
            read = {t for t in (topics.image, topics.label, topics.mask, topics.confidence) if t}
            stamps: dict[str, list[int]] = {topic: [] for topic in read}
            for message in reader.messages(sorted(read)):
                stamps[message.topic].append(stamp_ns(message))
        self.has_images = topics.mask is None
        self.labels = labels if topics.label is not None else None
        self.masks = (masks or labels) if topics.mask is not None else None
        # Frames of a data set have names of their own; recorded and rendered drives have stamps.
        self.is_drive = not self._names
        self._order = stamps[self._frames]
        if not self._order:
            raise DataError(f"bag '{bag}' has no message on {self._frames}; name another topic")
        self._counts = {topic: Counter(found) for topic, found in stamps.items()}
        for topic in sorted(read - {self._frames}):
            self._check_partners(topic, stamps[topic])
        self._first = min(self._order)
        self._places: Sequence[int] = range(len(self._order))
        self.without_label = 0
        if labelled_only and topics.label is not None:
            labelled = self._counts[topics.label]
            self._places = [i for i, stamp in enumerate(self._order) if stamp in labelled]
            self.without_label = len(self._order) - len(self._places)
        there = self._counts.get(topics.label or '', Counter())
        self.unmatched_labels = sum(n for stamp, n in there.items() if not self._has(stamp))
        self._dropped: list[int] = []
        if not self.has_images and topics.image is not None:
            self._dropped = [s for s in stamps[topics.image] if not self._has(s)]

    def _has(self, stamp: int) -> bool:
        return stamp in self._counts[self._frames]

    def __len__(self) -> int:
        return len(self._places) + len(self._dropped)

    def __iter__(self) -> Iterator[LabelledFrame | LostFrame]:
        queue: deque[_Pending] = deque()
        waiting: dict[int, _Pending] = {}
        early: dict[tuple[str, int], BagMessage] = {}
        places = set(self._places)
        stamps = {self._order[place] for place in places}
        last = max(places, default=-1)
        with BagReader(self.bag) as reader:
            place = -1
            for message in reader.messages(sorted({self._frames, *self._others})):
                stamp = stamp_ns(message)
                if message.topic == self._frames:
                    place += 1
                    if place in places:
                        frame = _Pending(self._name(stamp, place), stamp, message, set())
                        queue.append(frame)
                        if not self._ambiguous(stamp):
                            waiting[stamp] = frame
                            frame.wanted = {t for t in self._others if stamp in self._counts[t]}
                            for topic in frame.wanted:
                                if (topic, stamp) in early:
                                    frame.partners[topic] = early.pop((topic, stamp))
                elif stamp in waiting:
                    waiting[stamp].partners[message.topic] = message
                elif stamp in stamps and not self._ambiguous(stamp):
                    early[message.topic, stamp] = message
                while queue and queue[0].wanted <= set(queue[0].partners):
                    done = queue.popleft()
                    waiting.pop(done.stamp, None)
                    yield self._decode(done)
                if len(queue) + len(early) > _PENDING_LIMIT:
                    raise DataError(
                        f"in '{self.bag}', messages of one stamp lie more than {_PENDING_LIMIT} "
                        'messages apart; record or write the topics interleaved'
                    )
                if place >= last and not queue:
                    break
        for stamp in self._dropped:
            yield LostFrame(
                self._name(stamp), DROPPED, f'{self.topics.image} has it, {self._frames} has not'
            )

    def take(self, places: Sequence[int]) -> BagSource:
        """See FrameSource; frames that were dropped, which come last, are not among them.

        Labels behind the last of these frames do not count as unmatched.
        """
        taken = copy.copy(self)
        taken._places = sorted(self._places[i] for i in places if i < len(self._places))
        taken._dropped = []
        kept = {self._order[place] for place in taken._places}
        there = self._counts.get(self.topics.label or '', Counter())
        taken.unmatched_labels = sum(
            n for stamp, n in there.items() if stamp not in kept and stamp <= max(kept)
        )
        return taken

    def _ambiguous(self, stamp: int) -> bool:
        """Whether nobody knows which of several messages of one stamp belong together."""
        return bool(self._others) and any(
            self._counts[topic][stamp] > 1 for topic in (self._frames, *self._others)
        )

    def images_beside(self, names: Collection[str]) -> dict[str, np.ndarray]:
        """See FrameSource."""
        found: dict[str, np.ndarray] = {}
        if self.has_images or self.topics.image is None:
            return found
        with BagReader(self.bag) as reader:
            for message in reader.messages([self.topics.image]):
                name = self._name(stamp_ns(message))
                if name in names and name not in found:
                    with suppress(ImageError):
                        found[name] = decode(message)
        return found

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

    def _check_partners(self, topic: str, there: Sequence[int]) -> None:
        """Refuses a topic of which no message goes with a frame."""
        if not there:
            raise DataError(f"bag '{self.bag}' has no message on {topic}; name another topic")
        if not any(self._has(stamp) for stamp in there):
            raise DataError(
                f"in bag '{self.bag}', no message of {topic} (first stamp {_seconds(there[0])}) "
                f'has the stamp of one of {self._frames} (first stamp {_seconds(self._order[0])}); '
                'only what has the same header stamp belongs together: name other topics, or let '
                'the node keep the stamps of its images'
            )

    def _name(self, stamp: int, place: int | None = None) -> str:
        """What a frame is called; where a stamp comes again, with the frame's number."""
        name = self._names.get(stamp) or _seconds(stamp)
        if place is not None and self._counts[self._frames][stamp] > 1:
            return f'{name} ({place + 1})'
        return name

    def _decode(self, frame: _Pending) -> LabelledFrame | LostFrame:
        topics = self.topics
        if self._ambiguous(frame.stamp):
            counts = ', '.join(
                f'{self._counts[topic][frame.stamp]} of {topic}'
                for topic in sorted({self._frames, *self._others})
            )
            return LostFrame(
                frame.name,
                'stamp',
                f'several messages have the stamp {_seconds(frame.stamp)} s ({counts}); which of '
                'them belong together is unknown: record with a stamp of its own for each image',
            )
        planes: dict[str, np.ndarray] = {}
        for topic, message in {self._frames: frame.message, **frame.partners}.items():
            is_image = self.has_images and topic == self._frames
            try:
                planes[topic] = decode(message) if is_image else decode_labels(message.message)
            except (ImageError, BagError) as error:
                return LostFrame(frame.name, getattr(error, 'kind', 'message'), f'{topic}: {error}')
        if len({plane.shape[:2] for plane in planes.values()}) > 1:
            sizes = [f'{topic} is {p.shape[1]}x{p.shape[0]}' for topic, p in planes.items()]
            return LostFrame(
                frame.name,
                'size',
                f'{", ".join(sizes)}; they must have one size, for nothing is stretched to fit: '
                'let the node publish at the size of its images, or bring labels of its size',
            )
        try:
            label, mask = self._ids(planes.get(topics.label or ''), planes.get(topics.mask or ''))
        except DataError as error:
            raise DataError(f'the frame {frame.name}: {error}') from None
        return LabelledFrame(
            frame.name,
            planes[self._frames] if self.has_images else None,
            label,
            mask,
            planes.get(topics.confidence or ''),
            stamp_ns=frame.stamp,
            group=self._group(frame.stamp, frame.name),
            sequence=self._drives.get(frame.stamp, self.title),
            frame_id=frame.message.message.header.frame_id,
        )

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


def _seconds(stamp: int) -> str:
    """The stamp in seconds, every digit of it: a float would round it."""
    return f'{stamp // 10**9}.{stamp % 10**9:09d}'
