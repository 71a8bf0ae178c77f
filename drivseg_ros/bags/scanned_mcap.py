# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MCAP files read from the front: torn ones, and those of tools that write other than rosbag2.

Every record states how long it is, so all up to the tear can be read without the index at the end,
and what an index only announces is not needed. Format: the MCAP specification, https://mcap.dev/spec.
"""

from __future__ import annotations

import dataclasses
import heapq
import struct
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from zlib import crc32

from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat

from drivseg_ros.bags.expansion import MAX_EXPANDED, expand_lz4, expand_zstd
from drivseg_ros.bags.qos import parse_offers
from drivseg_ros.bags.sources import CDR, Channel, read_map, refuse_other_encodings
from drivseg_ros.bags.typestore import ros2_name
from drivseg_ros.errors import BagError

_MAGIC = b'\x89MCAP0\r\n'
_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 1, 2, 3, 4, 5, 6, 15
_MESSAGE_HEAD = 22
_FOOTER_BYTES = 9 + 20
_FORMATS = {
    'ros2msg': MessageDefinitionFormat.MSG,
    'ros2idl': MessageDefinitionFormat.IDL,
    'omgidl': MessageDefinitionFormat.IDL,
}
_NO_DEFINITION = MessageDefinition(MessageDefinitionFormat.NONE, '')


def index_is_damaged(path: Path) -> bool:
    """Whether the index at the end of an MCAP file is another one than its checksum is of.

    Raises:
        OSError: if the file cannot be read.
    """
    size = path.stat().st_size
    with path.open('rb') as file:
        file.seek(max(0, size - _FOOTER_BYTES - len(_MAGIC)))
        footer = file.read(_FOOTER_BYTES)
        if len(footer) < _FOOTER_BYTES or footer[0] != _FOOTER:
            return False  # which its reader notices
        start, _, checksum = struct.unpack_from('<QQI', footer, 9)
        if not checksum or not 0 < start < size:
            return False  # without, or none at all
        file.seek(start)
        return crc32(file.read(size - start - 4 - len(_MAGIC))) != checksum


class ScannedMcap:
    """An MCAP file read from its front to its end, or to where it breaks off (a Source).

    Args:
        path: the file.

    Attributes:
        whole: it has its end.

    Raises:
        BagError: if it is no MCAP file, has no channel of CDR, or breaks off before the first
            message.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._schemas: dict[int, tuple[str, MessageDefinition]] = {}
        self._heads: dict[int, Channel] = {}
        self.left_out: dict[str, str] = {}
        self.whole = False
        # Time of the first message and place of every chunk, and of every message outside one.
        self._places: list[tuple[int, int]] = []
        self._counts: Counter[int] = Counter()
        self.start_ns: int | None = None
        self.end_ns: int | None = None
        self._file = path.open('rb')
        self._size = path.stat().st_size
        try:
            self._scan()
        except BaseException:
            self._file.close()
            raise
        self._by_id = {
            number: dataclasses.replace(head, count=self._counts[number])
            for number, head in self._heads.items()
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
        while place < self._size and kind not in (_DATA_END, _FOOTER, 0):
            messages = self._learn(kind, content)
            if messages:
                times = [time_ns for _, time_ns, _ in messages]
                self._places.append((min(times), place))
                self.start_ns = min(times + ([] if self.start_ns is None else [self.start_ns]))
                self.end_ns = max(times + ([] if self.end_ns is None else [self.end_ns]))
                self._counts.update(channel for channel, _, _ in messages)
            place = self._next
            kind, content = self._record(place, head_only=True)
        self.whole = kind in (_DATA_END, _FOOTER)
        if not self._heads:
            refuse_other_encodings(self._path, self.left_out)
            if profile not in ('', 'ros2'):
                raise BagError(
                    f"{self._path} is no recording of ROS 2 (MCAP profile '{profile}', no channel "
                    "of CDR); record it by 'ros2 bag record'"
                )
        if not self._places and not self.whole:
            raise BagError(
                f'{self._path} breaks off before its first whole message ({self._size} bytes); '
                'nothing can be read from it, record it again'
            )

    def _record(self, place: int, *, head_only: bool = False) -> tuple[int, bytes]:
        """The record at a place, as far as the file goes; kind 0 stands for none.

        Args:
            place: where it begins, in bytes.
            head_only: of a message, only what stands before its data.
        """
        self._file.seek(place)
        head = self._file.read(9)
        if len(head) < 9:
            self._next = place + len(head)
            return 0, b''
        kind, size = struct.unpack('<BQ', head)
        self._next = place + 9 + size
        left = self._size - place - 9
        self._torn = size > left
        if size > left and kind != _CHUNK:
            return 0, b''
        if head_only and kind == _MESSAGE:
            left = _MESSAGE_HEAD
        return kind, self._file.read(min(size, left))

    def _learn(self, kind: int, content: bytes) -> list[tuple[int, int, bytes]]:
        """Takes in what a record states of schemas and channels; returns its messages."""
        if kind == _CHUNK:
            found = []
            torn = self._torn
            for inner_kind, inner in _records(_chunk_content(content, torn=torn), whole=not torn):
                found += self._learn(inner_kind, inner)
            return found
        if kind == _MESSAGE and len(content) >= _MESSAGE_HEAD:
            channel, _, time_ns, _ = struct.unpack_from('<HIQQ', content)
            known = channel in self._heads
            return [(channel, time_ns, content[_MESSAGE_HEAD:])] if known else []
        bio = BytesIO(content)
        if kind == _SCHEMA:
            (number,) = struct.unpack('<H', bio.read(2))
            name, encoding = _string(bio), _string(bio)
            form = _FORMATS.get(encoding)  # others, as that of Protobuf, may be no text
            definition = MessageDefinition(form, _string(bio)) if form else _NO_DEFINITION
            self._schemas[number] = (name, definition)
        elif kind == _CHANNEL:
            number, schema = struct.unpack('<HH', bio.read(4))
            topic, encoding, metadata = _string(bio), _string(bio), _map(bio)
            name, definition = self._schemas.get(schema, ('', _NO_DEFINITION))
            if encoding == CDR:
                self._heads[number] = Channel(
                    topic=topic,
                    msgtype=ros2_name(name),
                    count=0,
                    qos=parse_offers(metadata.get('offered_qos_profiles', '')),
                    definition=definition,
                    digest=metadata.get('topic_type_hash', ''),
                )
            else:
                self.left_out[topic] = encoding
        return []

    def _messages_at(self, place: int) -> list[tuple[int, int, bytes]]:
        return self._learn(*self._record(place))


def _chunk_content(record: bytes, *, torn: bool) -> bytes:
    """The records in a chunk; of a torn one what there is, which for a compressed one is none.

    Raises:
        ValueError: if the chunk is there as a whole, and damaged.
    """
    if len(record) < 40:
        return b''
    claimed, checksum, compression_size = struct.unpack_from('<QII', record, 16)
    limit = min(claimed, MAX_EXPANDED)
    compression = record[32 : 32 + compression_size].decode(errors='replace')
    start = 32 + compression_size + 8
    if len(record) < start:
        return b''
    (size,) = struct.unpack_from('<Q', record, start - 8)
    data = record[start : start + size]
    if len(data) < size and not torn:
        raise ValueError('a chunk claims more than it has')
    if compression:
        if torn:
            return b''
        expand = {'zstd': expand_zstd, 'lz4': expand_lz4}.get(compression)
        if expand is None:
            raise BagError(
                f"MCAP chunk compression '{compression}' is unknown; allowed: zstd, lz4, none"
            )
        data = expand(data, limit=limit)
    if checksum and not torn and crc32(data) != checksum:
        raise ValueError('the checksum of a chunk differs')
    return data


def _records(data: bytes, *, whole: bool = False) -> Iterator[tuple[int, bytes]]:
    """The whole records in these bytes.

    Raises:
        ValueError: if something is left after them, of bytes that should be `whole`.
    """
    place = 0
    while place + 9 <= len(data):
        kind, size = struct.unpack_from('<BQ', data, place)
        if place + 9 + size > len(data):
            break
        place += 9 + size
        yield kind, data[place - size : place]
    if whole and place < len(data):
        raise ValueError('a chunk does not end with a record')


def _string(bio: BytesIO) -> str:
    (size,) = struct.unpack('<I', bio.read(4))
    return bio.read(size).decode()


def _map(bio: BytesIO) -> dict[str, str]:
    (size,) = struct.unpack('<I', bio.read(4))
    return read_map(bio.read(size))
