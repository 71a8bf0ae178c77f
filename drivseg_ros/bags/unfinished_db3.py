# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SQLite bags (.db3) that were not closed or are damaged inside: read in writing order.

A file that is cut short is refused, as by SQLite itself: it would fill missing pages with zeros,
and pictures with black.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat

from drivseg_ros.bags.qos import parse_offers
from drivseg_ros.bags.sources import Channel
from drivseg_ros.bags.typestore import ros2_name
from drivseg_ros.errors import BagError

_FORMATS = {'ros2msg': MessageDefinitionFormat.MSG, 'ros2idl': MessageDefinitionFormat.IDL}
_NO_DEFINITION = MessageDefinition(MessageDefinitionFormat.NONE, '')


def has_journal(path: Path) -> bool:
    """Whether a write-ahead log with messages is beside the file: its recorder was killed."""
    log = path.with_name(path.name + '-wal')
    return log.is_file() and log.stat().st_size > 0


def refuse_cut(path: Path) -> None:
    """Refuses a file that is shorter than its header states (SQLite file format, 1.3).

    SQLite itself looks at whole pages only, and fills a torn last one with zeros.

    Raises:
        BagError: if it is.
    """
    size = path.stat().st_size
    with path.open('rb') as file:
        head = file.read(100)
    if len(head) < 100 or not head.startswith(b'SQLite format 3\0') or has_journal(path):
        return  # SQLite's own error is good enough
    page = int.from_bytes(head[16:18], 'big')
    page = 65536 if page == 1 else page
    # The page count is valid only if the two counters beside it agree.
    pages = int.from_bytes(head[28:32], 'big') if head[24:28] == head[92:96] else 0
    if size % page or size < pages * page:
        raise BagError(
            f"'{path}' is cut short: it has {size} bytes, its header states {pages * page}; copy "
            f"it again, or save a part with 'sqlite3 {path.name} .recover'"
        )


def refuse_views(path: Path) -> None:
    """Refuses a file whose tables are computed: they may have no end.

    Raises:
        BagError: if one is.
    """
    try:
        database = sqlite3.connect(
            f'file:{quote(str(path.absolute()))}?mode=ro&immutable=1', uri=True
        )
        with contextlib.closing(database):
            row = database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'view' OR sql LIKE 'CREATE VIRTUAL %'"
            ).fetchone()
    except (sqlite3.Error, UnicodeDecodeError):  # the second of its own message
        return  # whoever reads it reports that
    if row:
        raise BagError(
            f"'{path}' is no recording: its {row[0]!r} is computed, where ros2 bag writes tables; "
            'record it again'
        )


class UnfinishedDb3:
    """A .db3 file read row by row until it breaks off (a Source).

    Unlike the reader of finished files this one takes the write-ahead log into account, and it
    does not touch the index, which usually is the first thing to be broken.

    Args:
        path: the file.

    Raises:
        BagError: if it is no bag, or not one message can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        address = f'file:{quote(str(path.absolute()))}?mode=ro'
        try:
            # The player reads in a thread of its own.
            self._database = sqlite3.connect(address, uri=True, check_same_thread=False)
            heads = self._heads()
        except sqlite3.Error as error:
            raise BagError(
                f"'{path}' cannot be read as a bag ({error}); allowed is an SQLite file written by "
                'ros2 bag, with its -wal file if there is one'
            ) from error
        counts: Counter[int] = Counter()
        self.start_ns: int | None = None
        self.end_ns: int | None = None
        self.left_out: dict[str, str] = {}
        for topic_id, time_ns, _ in self._rows():
            counts[topic_id] += 1
            self.start_ns = time_ns if self.start_ns is None else min(self.start_ns, time_ns)
            self.end_ns = time_ns if self.end_ns is None else max(self.end_ns, time_ns)
        if not counts:
            self._database.close()
            raise BagError(f'{path} has no message that can be read; record it again')
        self._by_id = {
            number: Channel(
                topic, ros2_name(msgtype), counts[number], parse_offers(qos), definition
            )
            for number, (topic, msgtype, qos, definition) in heads.items()
        }
        self.channels: Sequence[Channel] = list(self._by_id.values())

    def messages(self, wanted: Collection[Channel]) -> Iterator[tuple[Channel, int, bytes]]:
        """See Source. The order is that of writing, which for a recording is that of time."""
        for topic_id, time_ns, data in self._rows():
            channel = self._by_id.get(topic_id)
            if channel in wanted and channel is not None:
                yield channel, time_ns, data

    def close(self) -> None:
        """See Source."""
        self._database.close()

    def _heads(self) -> dict[int, tuple[str, str, str, MessageDefinition]]:
        columns = {row[1] for row in self._database.execute('PRAGMA table_info(topics)')}
        qos = 'offered_qos_profiles' if 'offered_qos_profiles' in columns else "''"
        definitions = {}
        if self._database.execute('PRAGMA table_info(message_definitions)').fetchone():
            query = (
                'SELECT topic_type, encoding, encoded_message_definition FROM message_definitions'
            )
            for msgtype, encoding, text in self._database.execute(query):
                if encoding in _FORMATS:
                    definitions[msgtype] = MessageDefinition(_FORMATS[encoding], text)
        return {
            number: (name, msgtype, offers, definitions.get(msgtype, _NO_DEFINITION))
            for number, name, msgtype, offers in self._database.execute(
                f'SELECT id, name, type, {qos} FROM topics'
            )
        }

    def _rows(self) -> Iterator[tuple[int, int, bytes]]:
        query = 'SELECT topic_id, timestamp, data FROM messages NOT INDEXED ORDER BY id'
        try:
            for topic_id, time_ns, data in self._database.execute(query):
                if not (isinstance(time_ns, int) and isinstance(data, bytes)):
                    return
                yield topic_id, time_ns, data
        except sqlite3.DatabaseError:
            return  # the damaged place
