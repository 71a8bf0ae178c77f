# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""BagReader: any bag, of ROS 2 or ROS 1, finished or torn, as one stream of CDR messages."""

from __future__ import annotations

import functools
import logging
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.typesys.store import Typestore

from drivseg_ros.bags.expansion import MAGIC, expand_zstd
from drivseg_ros.bags.open_sources import open_sources
from drivseg_ros.bags.qos import TopicQos
from drivseg_ros.bags.sources import Channel, advice
from drivseg_ros.bags.typestore import TypeDefinition, header_stamp_ns, starts_with_header
from drivseg_ros.errors import BagError

log = logging.getLogger(__name__)

_OPEN: weakref.WeakSet[BagReader] = weakref.WeakSet()


@functools.cache
def _warn_once(text: str) -> None:
    """Warns of a bag the first time: one command may open it again and again."""
    log.warning('%s', text)


def is_being_read(path: Path) -> bool:
    """Whether a reader of this process has a bag at this place, or in it, open."""
    place = path.resolve()
    return any(place in (r.path.resolve(), *r.path.resolve().parents) for r in _OPEN)


@dataclass(frozen=True, eq=False)
class BagMessage:
    """One message of a bag.

    Attributes:
        topic: its topic as recorded.
        msgtype: ROS 2 name of its type.
        time_ns: bag time, usually when it was received.
        data: CDR bytes as a ROS 2 publisher takes them (ROS 1 messages are converted).
    """

    topic: str
    msgtype: str
    time_ns: int
    data: bytes
    _channel: Channel = field(repr=False)

    @cached_property
    def message(self) -> Any:
        """The message itself, decoded when first asked for; its fields are those of ROS 2.

        Raises:
            BagError: if the bytes are no such message, or the type is unknown.
        """
        store = self._channel.store
        try:
            return store.deserialize_cdr(self.data, self.msgtype)
        except Exception as error:  # the decoder raises whatever broken bytes provoke
            raise BagError(
                f'a message of {self.topic} at {self.time_ns} ns is no {self.msgtype}: {error}; '
                'skip it or record it again'
            ) from error

    @property
    def header_stamp_ns(self) -> int | None:
        """The stamp in its header; None if its type has no header in front."""
        if not starts_with_header(self._channel.store, self.msgtype):
            return None
        return header_stamp_ns(self.data)


@dataclass(frozen=True, eq=False)
class TopicInfo:
    """One topic of a bag.

    Attributes:
        name: as recorded.
        msgtype: ROS 2 name of its type; if several were recorded, the one with most messages.
        count: messages of all types.
        qos: what its publishers offered; empty if the bag does not have it (ROS 1).
    """

    name: str
    msgtype: str
    count: int
    qos: tuple[TopicQos, ...]
    _channel: Channel = field(repr=False)

    @property
    def definition(self) -> TypeDefinition:
        """The type's definition, for a writer that copies the topic.

        Raises:
            BagError: if the bag has none and the type is no standard one.
        """
        return self._channel.type_definition

    @property
    def types(self) -> Typestore:
        """What decodes its messages.

        Raises:
            BagError: as for ``definition``.
        """
        return self._channel.store


class BagReader:
    """Reads a bag; a context manager.

    It takes rosbag2 folders (sqlite3 or mcap; plain, or file- or message-compressed with zstd),
    single .mcap and .db3 files, and ROS 1 .bag files. Of a recording that was not ended properly
    it reads what is there and reports it in ``unfinished`` and, once, in a warning.

    Args:
        path: the folder or file.

    Attributes:
        path: as given.
        storage: 'rosbag2', 'mcap', 'sqlite3' or 'ros1'.
        unfinished: '' for a sound bag, else one sentence about what is wrong with it.

    Raises:
        BagError: if there is no bag, or not one message can be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        opened = open_sources(self.path)
        self.storage = opened.storage
        self.unfinished = opened.unfinished
        self._sources = opened.sources
        self._expanded = opened.expanded
        left_out = {t: form for source in self._sources for t, form in source.left_out.items()}
        for text in (self.unfinished, opened.note, _left_out(self.path, left_out)):
            if text:
                _warn_once(text)
        channels = [c for source in self._sources for c in source.channels]
        self._topics = {
            name: _topic(name, [c for c in channels if c.topic == name])
            for name in sorted({c.topic for c in channels})
        }
        _OPEN.add(self)

    @property
    def topics(self) -> dict[str, TopicInfo]:
        """The topics by name, in alphabetical order."""
        return self._topics

    @property
    def count(self) -> int:
        """All messages."""
        return sum(t.count for t in self._topics.values())

    @property
    def start_ns(self) -> int:
        """Bag time of the first message; 0 in an empty bag."""
        return min((s.start_ns for s in self._sources if s.start_ns is not None), default=0)

    @property
    def end_ns(self) -> int:
        """Bag time of the last message; 0 in an empty bag."""
        return max((s.end_ns for s in self._sources if s.end_ns is not None), default=0)

    @property
    def duration_s(self) -> float:
        """Seconds from the first message to the last."""
        return (self.end_ns - self.start_ns) / 1e9

    def topic(self, name: str) -> TopicInfo:
        """One topic.

        Raises:
            BagError: if it is not there; the text lists those that are.
        """
        if name not in self._topics:
            there = ', '.join(f'{t.name} ({t.msgtype})' for t in self._topics.values())
            raise BagError(
                f"bag {self.path} has no topic '{name}'; it has {there or 'no topics at all'}"
            )
        return self._topics[name]

    def messages(self, topics: Iterable[str] | None = None) -> Iterator[BagMessage]:
        """The messages in order of bag time.

        Args:
            topics: names of the topics wanted; None for all.

        Raises:
            BagError: at once if a topic is not there; while reading if the storage is damaged.
        """
        names = set(self._topics) if topics is None else {self.topic(t).name for t in topics}
        return self._stream(names)

    def _stream(self, names: set[str]) -> Iterator[BagMessage]:
        read = 0
        for source in self._sources:
            wanted = [c for c in source.channels if c.topic in names]
            messages = source.messages(wanted)
            while True:
                try:
                    item = next(messages, None)
                except BagError:
                    raise
                except Exception as error:  # storages raise whatever damage provokes
                    raise BagError(
                        f'bag {self.path} is damaged: after {read} messages came '
                        f'{type(error).__name__}: {error}'
                    ) from error
                if item is None:
                    break
                channel, time_ns, data = item
                # Message-compressed storage; CDR never begins like this.
                if data[:4] == MAGIC:
                    data = expand_zstd(data)
                read += 1
                yield BagMessage(channel.topic, channel.msgtype, time_ns, bytes(data), channel)
        announced = sum(self._topics[n].count for n in names)
        if announced and not read:
            raise BagError(
                f'bag {self.path} announces {announced} messages on {", ".join(sorted(names))}, '
                'but holds none; copy it again, or record it again'
            )
        if read != announced:
            log.warning('bag %s announces %d messages, %d were read', self.path, announced, read)

    def close(self) -> None:
        """Closes the files; nothing can be read afterwards."""
        for source in self._sources:
            source.close()
        self._sources = []
        self._expanded.close()
        _OPEN.discard(self)

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _left_out(path: Path, topics: Mapping[str, str]) -> str:
    if not topics:
        return ''
    there = ', '.join(f'{topic} ({form})' for topic, form in sorted(topics.items()))
    return f"bag '{path}': what is not in CDR is left out: {there}; {advice(topics)}"


def _topic(name: str, channels: list[Channel]) -> TopicInfo:
    main = max(channels, key=lambda c: c.count)
    qos = tuple(dict.fromkeys(q for c in channels for q in c.qos))
    return TopicInfo(name, main.msgtype, sum(c.count for c in channels), qos, main)
