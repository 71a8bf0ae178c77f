# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a reader's messages come from: one small interface over the storages of rosbags."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from rosbags import rosbag1, rosbag2
from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag1,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2.storage_mcap import McapReader
from rosbags.typesys.store import Typestore

from drivseg_ros.bags.expansion import limit_rosbags
from drivseg_ros.bags.qos import LATCHED, TopicQos, from_rosbags
from drivseg_ros.bags.typestore import TypeDefinition, define, ros2_name, store_for
from drivseg_ros.errors import BagError

limit_rosbags()

CDR = 'cdr'

# ROS 1's oldest name of the type that ROS 2 calls TFMessage.
_RENAMED = {'tf/msg/tfMessage': 'tf2_msgs/msg/TFMessage'}


@dataclass(frozen=True, eq=False)
class Channel:
    """One topic with one message type in one storage.

    Attributes:
        topic: its name as recorded.
        msgtype: the type's ROS 2 name.
        count: messages.
        qos: what its publishers offered; empty if the bag does not have it.
        definition: the type's definition as recorded.
        digest: the type's hash as recorded, or ''.
        ros1: recorded by ROS 1.
    """

    topic: str
    msgtype: str
    count: int
    qos: tuple[TopicQos, ...]
    definition: MessageDefinition
    digest: str = ''
    ros1: bool = False

    def __post_init__(self) -> None:
        for text in (self.topic, self.msgtype):
            if not isinstance(text, str):  # SQLite has no types
                raise BagError(
                    f'a topic of the bag has the name or type {text!r}, which is no text: it is '
                    'damaged; copy it again'
                )

    @cached_property
    def store(self) -> Typestore:
        """What decodes this channel's messages.

        Raises:
            BagError: if the type is unknown.
        """
        return store_for(self.definition, self.msgtype, ros1=self.ros1)

    @cached_property
    def type_definition(self) -> TypeDefinition:
        """The type in the form that the writer takes."""
        made = define(self.store, self.msgtype)
        if self.ros1 or self.definition.format != MessageDefinitionFormat.MSG:
            return made
        return TypeDefinition(self.msgtype, self.definition.data, self.digest or made.hash)


class Source(Protocol):
    """A storage that is open.

    Attributes:
        channels: what is in it.
        start_ns: time of its first message; None if it has none.
        end_ns: time of its last message; None if it has none.
    """

    channels: Sequence[Channel]
    start_ns: int | None
    end_ns: int | None

    @property
    def left_out(self) -> Mapping[str, str]:
        """Encodings of the messages of topics that are not read, as they are not CDR."""

    def messages(self, wanted: Collection[Channel]) -> Iterator[tuple[Channel, int, bytes]]:
        """Channel, time (ns) and CDR bytes of every message of these channels, in time order."""

    def close(self) -> None:
        """Closes it."""


class IndexDiffersError(Exception):
    """What an MCAP file says at its end is not what is in it."""


def refuse_other_encodings(path: Path, left_out: Mapping[str, str]) -> None:
    """Refuses a storage file that has topics, but none in CDR.

    Args:
        path: the file.
        left_out: the encodings by topic.

    Raises:
        BagError: if there are any.
    """
    if not left_out:
        return
    there = ', '.join(f'{topic} ({form})' for topic, form in left_out.items())
    raise BagError(
        f"'{path}' has no topic in CDR, as ROS 2 records them, but {there}; {advice(left_out)}"
    )


def advice(left_out: Mapping[str, str]) -> str:
    """What to do about topics in other encodings."""
    if 'ros1' in left_out.values():
        return 'of ROS 1, give the .bag file that it was converted from, which is read here'
    return "record them as ROS 2 messages (Foxglove's schemas are in ros-$ROS_DISTRO-foxglove-msgs)"


class RosbagsSource:
    """A bag by rosbags; messages of ROS 1 are converted to CDR, byte for byte where they agree.

    Args:
        reader: of rosbags, for a storage file of rosbag2 or a ROS 1 .bag.

    Raises:
        BagError: if nothing in it is CDR.
        IndexDiffersError: if the index of an MCAP file is not that of its messages.
    """

    def __init__(self, reader: rosbag1.Reader | rosbag2.Reader) -> None:
        self._reader = reader
        reader.open()
        self.left_out: Mapping[str, str] = {}
        connections = list(reader.connections)
        if isinstance(reader, rosbag2.Reader):
            try:
                _check_index(reader.storage)
                self.left_out = {
                    c.topic: form for c in connections if (form := _encoding(c)) != CDR
                }
                connections = [c for c in connections if c.topic not in self.left_out]
                if not connections:
                    refuse_other_encodings(Path(str(reader.path)), self.left_out)
            except BaseException:
                reader.close()
                raise
        self._connections: dict[int, Any] = {c.id: c for c in connections}
        self._channels = {
            number: _channel(c, _recorded_hash(reader, number))
            for number, c in self._connections.items()
        }
        self.channels: Sequence[Channel] = list(self._channels.values())
        some = reader.message_count > 0
        self.start_ns = reader.start_time if some else None
        # The reader's end is the moment after the last message.
        self.end_ns = reader.end_time - 1 if some else None

    def messages(self, wanted: Collection[Channel]) -> Iterator[tuple[Channel, int, bytes]]:
        """See Source."""
        kept = [self._connections[i] for i, c in self._channels.items() if c in wanted]
        if not kept:  # rosbags takes no connections for all connections
            return
        for connection, time_ns, data in self._reader.messages(kept):
            channel = self._channels[connection.id]
            if channel.ros1:
                data = bytes(channel.store.ros1_to_cdr(data, channel.msgtype))
            yield channel, time_ns, data

    def close(self) -> None:
        """See Source."""
        self._reader.close()


def _encoding(connection: Connection) -> str:
    extension = connection.ext
    assert isinstance(extension, ConnectionExtRosbag2)
    return extension.serialization_format


def _check_index(storage: Any) -> None:
    """Compares the index of an MCAP file with its statistics: what both say is taken for true."""
    if not isinstance(storage, McapReader) or storage.statistics is None:
        return
    counted: Counter[int] = Counter()
    for chunk in storage.chunks:
        counted.update(chunk.channel_count)
    said = {k: n for k, n in storage.statistics.channel_message_counts.items() if n}
    if +counted != said or storage.statistics.message_count != counted.total():
        raise IndexDiffersError('its index is not that of its messages')


def _recorded_hash(reader: rosbag1.Reader | rosbag2.Reader, number: int) -> str:
    """The hash of a channel's type in an MCAP file, which rosbags passes over; '' elsewhere."""
    storage = reader.storage if isinstance(reader, rosbag2.Reader) else None
    if not isinstance(storage, McapReader):
        return ''
    return read_map(storage.channels[number].metadata).get('topic_type_hash', '')


def read_map(data: bytes) -> dict[str, str]:
    """Pairs of texts, as MCAP keeps them, without the length in front."""
    texts, place = [], 0
    while place < len(data):
        (size,) = struct.unpack_from('<I', data, place)
        texts.append(data[place + 4 : place + 4 + size].decode())
        place += 4 + size
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _channel(connection: Connection, recorded_hash: str) -> Channel:
    extension: Any = connection.ext
    ros1 = isinstance(extension, ConnectionExtRosbag1)
    if isinstance(extension, ConnectionExtRosbag2):
        qos = tuple(from_rosbags(q) for q in extension.offered_qos_profiles)
    else:
        qos = (LATCHED,) if extension.latching else ()
    return Channel(
        topic=connection.topic,
        msgtype=_RENAMED.get(connection.msgtype, ros2_name(connection.msgtype)),
        count=connection.msgcount,
        qos=qos,
        definition=connection.msgdef,
        digest='' if ros1 else recorded_hash or connection.digest,
        ros1=ros1,
    )
