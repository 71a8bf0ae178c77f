# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What belongs together in a bag: messages with the same header stamp, and nothing else.

The order of messages says nothing: a labelling node lags, a network leaves frames out. So a stamp
that several messages of a topic have (a driver without a clock stamps all of them 0) pairs none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivseg_ros.bags.image_messages import stamp_ns
from drivseg_ros.bags.reader import BagMessage, BagReader
from drivseg_ros.errors import BagError, DataError
from drivseg_ros.images.codec import decode_labels

# Partners come in the order of their frames, or nearly so; what comes before its turn is kept.
# Without a limit, a bag in which nothing is in order would be held in memory.
_AHEAD_LIMIT = 256


class StampedMessages:
    """Gives the messages of a topic by their stamps; a context manager.

    Best asked for in the order in which they were recorded: what is passed over is kept until it
    is asked for.

    Args:
        bag: the bag.
        topic: the topic; a bag without it has no messages of it.
        stamps: of the messages that will be asked for, in nanoseconds.
    """

    def __init__(self, bag: Path, topic: str, stamps: Collection[int]) -> None:
        self._bag, self._topic = bag, topic
        self._wanted = set(stamps)
        self._stack = ExitStack()
        reader = self._stack.enter_context(BagReader(bag))
        self._messages = _sound(reader.messages([topic]) if topic in reader.topics else ())
        self._ahead: dict[int, BagMessage] = {}

    def take(self, stamp: int) -> BagMessage:
        """The first message with that stamp, once.

        Raises:
            BagError: if it is not there.
            DataError: if too many others would have to be kept to get at it.
        """
        while stamp not in self._ahead:
            found, message = next(self._messages, (0, None))
            if message is None:
                raise BagError(f'{self._topic} has no message with the stamp {stamp} ns')
            if found in self._wanted:
                self._ahead.setdefault(found, message)
            if len(self._ahead) > _AHEAD_LIMIT:
                raise DataError(
                    f"in '{self._bag}', the messages of {self._topic} come in another order than "
                    f'their frames, by more than {_AHEAD_LIMIT}; record or write them in order'
                )
        self._wanted.discard(stamp)
        return self._ahead.pop(stamp)

    def plane(self, stamp: int) -> np.ndarray:
        """The class ids or the confidence in the message with that stamp, uint8 [H, W].

        Raises:
            BagError: if it is not there or is damaged.
            ImageError: if it is no mono8 image.
            DataError: as `take`.
        """
        return decode_labels(self.take(stamp).message)

    def __enter__(self) -> StampedMessages:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()


@dataclass(frozen=True, eq=False)
class StampedFrame:
    """A message, and those of other topics that belong to it.

    Attributes:
        place: its place among the messages of its topic.
        stamp_ns: its stamp.
        message: the message.
        partners: by topic what has the same stamp; empty if the stamp is ambiguous.
    """

    place: int
    stamp_ns: int
    message: BagMessage
    partners: dict[str, BagMessage]


class StampedFrames:
    """The messages of a topic with what has their stamps on other topics.

    All stamps are read at once; the messages in each pass.

    Args:
        bag: the bag.
        topic: of the frames.
        others: the topics of their partners.

    Attributes:
        order: the stamps of the frames, in the order of the bag.
        counts: by topic how many messages have a stamp.
        broken: messages without a header that can be read, and why; they belong to nothing.

    Raises:
        BagError: if the bag or a topic cannot be read.
    """

    def __init__(self, bag: Path, topic: str, others: Collection[str]) -> None:
        self._bag = bag
        self.topic = topic
        self.others = tuple(sorted(set(others) - {topic}))
        self.broken: dict[str, str] = {}
        stamps: dict[str, list[int]] = {name: [] for name in (topic, *self.others)}
        with BagReader(bag) as reader:
            for stamp, message in _sound(reader.messages(stamps), self.broken):
                stamps[message.topic].append(stamp)
        self.order: Sequence[int] = stamps[topic]
        self.counts = {name: Counter(found) for name, found in stamps.items()}

    def ambiguous(self, stamp: int) -> bool:
        """Whether several messages of a topic have the stamp, so that nobody knows the pairs."""
        return bool(self.others) and any(count[stamp] > 1 for count in self.counts.values())

    def why(self, stamp: int) -> str:
        """Why an ambiguous stamp pairs nothing."""
        counts = ', '.join(f'{n[stamp]} of {topic}' for topic, n in sorted(self.counts.items()))
        return (
            f'several messages have the stamp {seconds(stamp)} s ({counts}); which of them belong '
            'together is unknown: record with a stamp of its own for each image'
        )

    def unmatched(self, topic: str, stamps: Collection[int] | None = None) -> int:
        """How many messages of a topic belong to none of the frames.

        Args:
            topic: one of the others.
            stamps: of the frames that are taken, none of which is later; None: all.
        """
        taken = self.counts[self.topic] if stamps is None else set(stamps)
        last = max(taken, default=0)
        return sum(
            count
            for stamp, count in self.counts[topic].items()
            if stamp not in taken and (stamps is None or stamp <= last)
        )

    def read(self, places: Collection[int] | None = None) -> Iterator[StampedFrame]:
        """One pass.

        Args:
            places: of the frames that are wanted; None: all.

        Raises:
            BagError: if the bag is damaged.
            DataError: if partners come in quite another order than the frames.
        """
        wanted = range(len(self.order)) if places is None else set(places)
        stamps = {self.order[p] for p in wanted if not self.ambiguous(self.order[p])}
        last = max(wanted, default=-1)
        with ExitStack() as stack:
            reader = stack.enter_context(BagReader(self._bag))
            streams = {
                topic: stack.enter_context(
                    StampedMessages(self._bag, topic, stamps & self.counts[topic].keys())
                )
                for topic in self.others
            }
            for place, (stamp, message) in enumerate(_sound(reader.messages([self.topic]))):
                if place > last:
                    break
                if place not in wanted:
                    continue
                partners = {}
                if stamp in stamps:
                    partners = {
                        topic: stream.take(stamp)
                        for topic, stream in streams.items()
                        if stamp in self.counts[topic]
                    }
                yield StampedFrame(place, stamp, message, partners)


def _sound(
    messages: Iterable[BagMessage], broken: dict[str, str] | None = None
) -> Iterator[tuple[int, BagMessage]]:
    """The messages whose stamps can be read, with these."""
    for message in messages:
        try:
            yield stamp_ns(message), message
        except BagError as error:
            if broken is not None:
                broken[f'{message.topic} at {message.time_ns} ns'] = str(error)


def seconds(stamp: int) -> str:
    """A stamp in seconds, every digit of it: a float would round it."""
    return f'{stamp // 10**9}.{stamp % 10**9:09d}'
