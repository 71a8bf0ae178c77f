# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the MCAP file of a rosbag2 folder, as `ros2 bag record` does, with its checksums.

Format: the MCAP specification, https://mcap.dev/spec; what rosbag2 puts into it, for Jazzy:
rosbag2_storage_mcap.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

from rosbags.interfaces import Connection, MessageDefinitionFormat

import drivseg_ros

_MAGIC = b'\x89MCAP0\r\n'
_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK = range(1, 7)
_MESSAGE_INDEX, _CHUNK_INDEX = 7, 8
_STATISTICS, _METADATA, _METADATA_INDEX, _SUMMARY_OFFSET, _DATA_END = range(11, 16)
_CHUNK_BYTES = 2**20
METADATA_NAME = 'rosbag2'


class McapFile:
    """An MCAP file that is being written: a storage for the writer of rosbags.

    Args:
        folder: the bag's folder; the file is called after it, with the number 0.
        compression: of rosbags; there is none.

    Attributes:
        path: the file.
    """

    def __init__(self, folder: Path, compression: Any) -> None:
        self.path = folder / f'{folder.name}_0.mcap'
        self._file = self.path.open('xb')
        self._place = 0
        self._checksum = 0
        self._schemas: dict[str, bytes] = {}
        self._channels: list[bytes] = []
        self._counts: Counter[int] = Counter()
        self._times: tuple[int, int] | None = None
        self._chunk = _Chunk()
        self._chunk_indexes: list[bytes] = []
        library = f'drivseg_ros {drivseg_ros.__version__}'
        self._put(_MAGIC + _record(_HEADER, _text('ros2') + _text(library)))

    def add_msgtype(self, connection: Connection) -> None:
        """Adds the message type of a connection."""
        text = connection.msgdef.format == MessageDefinitionFormat.MSG
        content = struct.pack('<H', len(self._schemas) + 1) + _text(connection.msgtype)
        content += _text('ros2msg' if text else 'ros2idl') + _text(connection.msgdef.data)
        self._schemas[connection.msgtype] = _record(_SCHEMA, content)
        self._chunk.data += self._schemas[connection.msgtype]

    def add_connection(self, connection: Connection, offered_qos_profiles: str) -> None:
        """Adds a topic."""
        schema = list(self._schemas).index(connection.msgtype) + 1
        about = {
            'offered_qos_profiles': offered_qos_profiles,
            'topic_type_hash': connection.digest,
        }
        content = struct.pack('<HH', connection.id, schema) + _text(connection.topic)
        self._channels.append(_record(_CHANNEL, content + _text('cdr') + _map(about)))
        self._chunk.data += self._channels[-1]

    def write(self, connection: Connection, timestamp: int, data: bytes | memoryview) -> None:
        """Writes a message."""
        first, last = self._times or (timestamp, timestamp)
        self._times = min(first, timestamp), max(last, timestamp)
        self._counts[connection.id] += 1
        self._chunk.add(connection.id, timestamp, data)
        if len(self._chunk.data) > _CHUNK_BYTES:
            self._end_chunk()

    def close(self, version: int, metadata: str) -> None:
        """Ends the file.

        Args:
            version: of the metadata; the text has it, too.
            metadata: that of the bag, as YAML.
        """
        if self._chunk.data:
            self._end_chunk()
        content = _text(METADATA_NAME) + _map({'serialized_metadata': metadata})
        record = _record(_METADATA, content)
        index = struct.pack('<QQ', self._place, len(record)) + _text(METADATA_NAME)
        self._put(record)
        self._put(_record(_DATA_END, struct.pack('<I', self._checksum)))
        summary, offsets, start = b'', b'', self._place
        for kind, records in (
            (_SCHEMA, list(self._schemas.values())),
            (_CHANNEL, self._channels),
            (_STATISTICS, [_record(_STATISTICS, self._statistics())]),
            (_CHUNK_INDEX, self._chunk_indexes),
            (_METADATA_INDEX, [_record(_METADATA_INDEX, index)]),
        ):
            group = b''.join(records)
            if group:
                place = struct.pack('<BQQ', kind, start + len(summary), len(group))
                offsets += _record(_SUMMARY_OFFSET, place)
            summary += group
        end = struct.pack('<BQQQ', _FOOTER, 20, start, start + len(summary))
        end = summary + offsets + end
        self._put(end + struct.pack('<I', crc32(end)) + _MAGIC)
        self._file.close()

    def abort(self) -> None:
        """Closes the file as it is."""
        self._file.close()

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._checksum = crc32(data, self._checksum)
        self._place += len(data)

    def _end_chunk(self) -> None:
        chunk, self._chunk = self._chunk, _Chunk()
        first, last = chunk.times or (0, 0)
        size = len(chunk.data)
        head = struct.pack('<QQQI', first, last, size, crc32(chunk.data)) + _text('')
        record = _record(_CHUNK, head + struct.pack('<Q', size) + chunk.data)
        indexes, offsets, start = b'', b'', self._place
        for channel, entries in chunk.entries.items():
            offsets += struct.pack('<HQ', channel, start + len(record) + len(indexes))
            content = struct.pack('<HI', channel, len(entries)) + entries
            indexes += _record(_MESSAGE_INDEX, content)
        self._put(record)
        self._put(indexes)
        index = struct.pack('<QQQQI', first, last, start, len(record), len(offsets)) + offsets
        index += struct.pack('<Q', len(indexes)) + _text('') + struct.pack('<QQ', size, size)
        self._chunk_indexes.append(_record(_CHUNK_INDEX, index))

    def _statistics(self) -> bytes:
        counts = b''.join(struct.pack('<HQ', *item) for item in sorted(self._counts.items()))
        numbers = (len(self._schemas), len(self._channels), 0, 1, len(self._chunk_indexes))
        head = struct.pack('<QHIIII', sum(self._counts.values()), *numbers)
        return head + struct.pack('<QQI', *(self._times or (0, 0)), len(counts)) + counts


class _Chunk:
    """Records that are written together, and where in them messages begin."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.entries: dict[int, bytearray] = {}
        self.times: tuple[int, int] | None = None

    def add(self, channel: int, time_ns: int, data: bytes | memoryview) -> None:
        first, last = self.times or (time_ns, time_ns)
        self.times = min(first, time_ns), max(last, time_ns)
        entries = self.entries.setdefault(channel, bytearray())
        entries += struct.pack('<QQ', time_ns, len(self.data))
        # Number, log time and publish time; as rosbag2 of Jazzy it counts no numbers.
        head = struct.pack('<BQHIQQ', _MESSAGE, 22 + len(data), channel, 0, time_ns, time_ns)
        self.data += head
        self.data += data


def _record(kind: int, content: bytes | bytearray) -> bytes:
    return struct.pack('<BQ', kind, len(content)) + content


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack('<I', len(data)) + data


def _map(pairs: Mapping[str, str]) -> bytes:
    content = b''.join(_text(key) + _text(value) for key, value in pairs.items())
    return struct.pack('<I', len(content)) + content
