# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MCAP files without their end: of a recorder that was killed, or of a copy that broke off.

Every record states how long it is, so all up to the tear can be read without the index at the end.
Format: the MCAP specification, https://mcap.dev/spec.
"""

from __future__ import annotations

import heapq
import struct
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from io import BytesIO
from pathlib import Path

from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat

from drivseg_ros.bags.expansion import MAX_EXPANDED, expand_lz4, expand_zstd
from drivseg_ros.bags.qos import TopicQos, parse_offers
from drivseg_ros.bags.sources import Channel
from drivseg_ros.errors import BagError

_MAGIC = b'\x89MCAP0\r\n'
_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 1, 2, 3, 4, 5, 6, 15
_FORMATS = {
    'ros2msg': MessageDefinitionFormat.MSG,
    'ros2idl': MessageDefinitionFormat.IDL,
    'omgidl': MessageDefinitionFormat.IDL,
}
_NO_DEFINITION = MessageDefinition(MessageDefinitionFormat.NONE, '')


class UnfinishedMcap:
    """An MCAP file read from its front to where it breaks off (a Source).

    Args:
        path: the file.

    Raises:
        BagError: if it is no MCAP file of ROS 2, or breaks off before the first message.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._schemas: dict[int, tuple[str, MessageDefinition]] = {}
        self._heads: dict[int, tuple[str, str, MessageDefinition, tuple[TopicQos, ...]]] = {}
        # Time of the first message and place of every chunk, and of every message outside one.
        self._places: list[tuple[int, int]] = []
        self._counts: Counter[int] = Counter()
        self.start_ns: int | None = None
        self.end_ns: int | None = None
        self._file = path.open('rb')
        try:
            self._scan()
        except BaseException:
            self._file.close()
            raise
        self._by_id = {
            number: Channel(topic, msgtype, self._counts[number], qos, definition)
            for number, (topic, msgtype, definition, qos) in self._heads.items()
        }
        self.channels: Sequence[Channel] = list(self._by_id.values())

    def messages(self, wanted: Collection[Channel]) -> Iterator[tuple[Channel, int, bytes]]:
        """See Source."""
        waiting: list[tuple[int, int, int, int, bytes]] = []
        places = sorted(self._places)
        for number, (_, place) in enumerate(places):
            for n, (channel, time_ns, data) in enumerate(self._messages_at(place)):
                heapq.heappush(waiting, (time_ns, place, n, channel, data))
            horizon = places[number + 1][0] if number + 1 < len(places) else None
            while waiting and (horizon is None or waiting[0][0] <= horizon):
                time_ns, _, _, channel, data = heapq.heappop(waiting)
                if self._by_id[channel] in wanted:
                    yield self._by_id[channel], time_ns, data

    def close(self) -> None:
        """See Source."""
        self._file.close()

    def _scan(self) -> None:
        if self._file.read(len(_MAGIC)) != _MAGIC:
            raise BagError(f'{self._path} is no MCAP file: it does not begin as one')
        place = self._file.tell()
        kind, content = self._record(place)
        profile = _string(BytesIO(content)) if kind == _HEADER and content else ''
        if profile != 'ros2':
            raise BagError(
                f"{self._path} is no recording of ROS 2 (MCAP profile '{profile}'); "
                "allowed is profile 'ros2'"
            )
        end = self._path.stat().st_size
        while place < end and kind not in (_DATA_END, _FOOTER, 0):
            messages = self._learn(kind, content)
            if messages:
                times = [time_ns for _, time_ns, _ in messages]
                self._places.append((min(times), place))
                self.start_ns = min(times + ([] if self.start_ns is None else [self.start_ns]))
                self.end_ns = max(times + ([] if self.end_ns is None else [self.end_ns]))
                self._counts.update(channel for channel, _, _ in messages)
            place = self._next
            kind, content = self._record(place)
        if not self._places:
            raise BagError(
                f'{self._path} breaks off before its first whole message ({end} bytes); '
                'nothing can be read from it, record it again'
            )

    def _record(self, place: int) -> tuple[int, bytes]:
        """The record at a place, as far as the file goes; kind 0 stands for none."""
        self._file.seek(place)
        head = self._file.read(9)
        if len(head) < 9:
            self._next = place + len(head)
            return 0, b''
        kind, size = struct.unpack('<BQ', head)
        self._next = place + 9 + size
        left = self._path.stat().st_size - place - 9
        if size > left and kind != _CHUNK:
            return 0, b''
        return kind, self._file.read(min(size, left))

    def _learn(self, kind: int, content: bytes) -> list[tuple[int, int, bytes]]:
        """Takes in what a record states of schemas and channels; returns its messages."""
        if kind == _CHUNK:
            found = []
            for inner_kind, inner in _records(_chunk_content(content)):
                found += self._learn(inner_kind, inner)
            return found
        if kind == _MESSAGE and len(content) >= 22:
            channel, _, time_ns, _ = struct.unpack_from('<HIQQ', content)
            return [(channel, time_ns, content[22:])] if channel in self._heads else []
        bio = BytesIO(content)
        if kind == _SCHEMA:
            (number,) = struct.unpack('<H', bio.read(2))
            name, encoding, text = _string(bio), _string(bio), _string(bio)
            form = _FORMATS.get(encoding)
            definition = MessageDefinition(form, text) if form else _NO_DEFINITION
            self._schemas[number] = (name, definition)
        elif kind == _CHANNEL:
            number, schema = struct.unpack('<HH', bio.read(4))
            topic, _, metadata = _string(bio), _string(bio), _map(bio)
            name, definition = self._schemas.get(schema, ('', _NO_DEFINITION))
            qos = parse_offers(metadata.get('offered_qos_profiles', ''))
            self._heads[number] = (topic, name, definition, qos)
        return []

    def _messages_at(self, place: int) -> list[tuple[int, int, bytes]]:
        return self._learn(*self._record(place))


def _chunk_content(record: bytes) -> bytes:
    """The records in a chunk; of a torn one what there is, which for a compressed one is none."""
    if len(record) < 40:
        return b''
    claimed, _, compression_size = struct.unpack_from('<QII', record, 16)
    limit = min(claimed, MAX_EXPANDED)
    compression = record[32 : 32 + compression_size].decode(errors='replace')
    start = 32 + compression_size + 8
    if len(record) < start:
        return b''
    (size,) = struct.unpack_from('<Q', record, start - 8)
    data = record[start : start + size]
    if not compression:
        return data
    if len(data) < size:
        return b''
    if compression == 'zstd':
        return expand_zstd(data, limit=limit)
    if compression == 'lz4':
        return expand_lz4(data, limit=limit)
    raise BagError(f"MCAP chunk compression '{compression}' is unknown; allowed: zstd, lz4, none")


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The whole records in these bytes."""
    place = 0
    while place + 9 <= len(data):
        kind, size = struct.unpack_from('<BQ', data, place)
        place += 9 + size
        if place > len(data):
            return
        yield kind, data[place - size : place]


def _string(bio: BytesIO) -> str:
    (size,) = struct.unpack('<I', bio.read(4))
    return bio.read(size).decode()


def _map(bio: BytesIO) -> dict[str, str]:
    (size,) = struct.unpack('<I', bio.read(4))
    inner = BytesIO(bio.read(size))
    pairs = {}
    while inner.tell() < size:
        key = _string(inner)
        pairs[key] = _string(inner)
    return pairs
