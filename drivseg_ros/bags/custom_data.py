# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""custom_data: the texts that a rosbag2's metadata may carry for whoever wrote them.

They stand in metadata.yaml, and once more in the storage file itself. `ros2 bag play` and
`ros2 bag info` take no notice of them, `ros2 bag reindex` keeps them, and `ros2 bag convert` and a
new recording do without them (rosbag2 of Jazzy: reindexer.cpp, bag_rewrite.cpp).
"""

from __future__ import annotations

import sqlite3
import struct
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

from drivseg_ros.base.yaml_data import load_yaml

METADATA = 'metadata.yaml'

_MCAP_MAGIC = b'\x89MCAP0\r\n'
_METADATA_RECORD, _METADATA_INDEX = 0x0C, 0x0D
# Kind, length, two offsets and a checksum; then the magic.
_FOOTER_BYTES = 9 + 20
_KEY = 'rosbag2_bagfile_information'


def read_custom_data(path: Path) -> dict[str, str]:
    """What a bag's metadata carries; nothing where there is none or it cannot be read.

    Args:
        path: a rosbag2 folder, or a .mcap or .db3 file; other bags have no such data.
    """
    try:
        if not path.is_dir():
            return _of_file(path)
        if (path / METADATA).is_file():
            text = (path / METADATA).read_text(encoding='utf-8')
            return _custom_data(text)
        files = sorted(f for f in path.iterdir() if f.suffix in ('.mcap', '.db3'))
        found: dict[str, str] = {}
        for file in files:
            found |= _of_file(file)
        return found
    except (OSError, ValueError, struct.error, sqlite3.Error):
        return {}


def _of_file(path: Path) -> dict[str, str]:
    if path.suffix == '.mcap':
        return _custom_data(_mcap_metadata(path))
    if path.suffix == '.db3':
        return _custom_data(_db3_metadata(path))
    return {}


def _custom_data(text: str) -> dict[str, str]:
    content = load_yaml(text)
    if isinstance(content, dict):
        content = content.get(_KEY, content)
    custom = content.get('custom_data') if isinstance(content, dict) else None
    if not isinstance(custom, dict):
        return {}
    # All are texts; of aliases of lists of aliases, a text would be gigabytes.
    plain = (str, int, float, bool)
    return {str(key): str(value) for key, value in custom.items() if isinstance(value, plain)}


def _mcap_metadata(path: Path) -> str:
    """The record 'rosbag2' by the index at the end (MCAP specification, 'Summary Section')."""
    size = path.stat().st_size
    with path.open('rb') as file:
        tail = _FOOTER_BYTES + len(_MCAP_MAGIC)
        if size < tail:
            return ''
        file.seek(size - tail)
        footer = file.read(tail)
        if not footer.endswith(_MCAP_MAGIC):
            return ''
        (place,) = struct.unpack_from('<Q', footer, 9)
        file.seek(place)
        summary = file.read(size - tail - place) if place else b''
        at = 0
        while at + 9 <= len(summary):
            kind, length = struct.unpack_from('<BQ', summary, at)
            if kind == _METADATA_INDEX:
                offset, record_length = struct.unpack_from('<QQ', summary, at + 9)
                file.seek(offset)
                name, pairs = _metadata_record(file.read(min(record_length, size)))
                if name == 'rosbag2':
                    return pairs.get('serialized_metadata', '')
            at += 9 + length
    return ''


def _metadata_record(record: bytes) -> tuple[str, dict[str, str]]:
    if record[:1] != bytes([_METADATA_RECORD]):
        return '', {}
    content = BytesIO(record[9:])
    name = _string(content)
    (length,) = struct.unpack('<I', content.read(4))
    end = content.tell() + length
    pairs = {}
    while content.tell() < end:
        key = _string(content)
        pairs[key] = _string(content)
    return name, pairs


def _string(content: BytesIO) -> str:
    (length,) = struct.unpack('<I', content.read(4))
    return content.read(length).decode()


def _db3_metadata(path: Path) -> str:
    database = sqlite3.connect(f'file:{quote(str(path.absolute()))}?mode=ro', uri=True)
    try:
        row = database.execute('SELECT metadata FROM metadata ORDER BY id DESC').fetchone()
        return str(row[0]) if row else ''
    finally:
        database.close()
