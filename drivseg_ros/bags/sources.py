# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a reader's messages come from: one small interface over the storages of rosbags."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from rosbags import rosbag1, rosbag2
from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag1,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.typesys.store import Typestore

from drivseg_ros.bags.expansion import limit_rosbags
from drivseg_ros.bags.qos import LATCHED, TopicQos, from_rosbags
from drivseg_ros.bags.typestore import TypeDefinition, define, store_for

limit_rosbags()

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

    def messages(self, wanted: Collection[Channel]) -> Iterator[tuple[Channel, int, bytes]]:
        """Channel, time (ns) and CDR bytes of every message of these channels, in time order."""

    def close(self) -> None:
        """Closes it."""


class RosbagsSource:
    """A bag by rosbags; messages of ROS 1 are converted to CDR, byte for byte where they agree.

    Args:
        reader: of rosbags, for rosbag2 (a folder, or one of its storage files) or a ROS 1 .bag.
    """

    def __init__(self, reader: rosbag1.Reader | rosbag2.Reader) -> None:
        self._reader = reader
        reader.open()
        if isinstance(reader, rosbag2.Reader) and reader.compression_mode == 'message':
            # The messages come as they are, and whoever reads them expands them within limits.
            storage = reader.storage
            storage.metadata = storage.metadata._replace(compression_mode=None)
        self._connections: dict[int, Any] = {c.id: c for c in reader.connections}
        self._channels = {number: _channel(c) for number, c in self._connections.items()}
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


def _channel(connection: Connection) -> Channel:
    extension: Any = connection.ext
    ros1 = isinstance(extension, ConnectionExtRosbag1)
    if isinstance(extension, ConnectionExtRosbag2):
        qos = tuple(from_rosbags(q) for q in extension.offered_qos_profiles)
    else:
        qos = (LATCHED,) if extension.latching else ()
    return Channel(
        topic=connection.topic,
        msgtype=_RENAMED.get(connection.msgtype, connection.msgtype),
        count=connection.msgcount,
        qos=qos,
        definition=connection.msgdef,
        digest='' if ros1 else connection.digest,
        ros1=ros1,
    )
