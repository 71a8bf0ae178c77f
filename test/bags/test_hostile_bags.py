# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags that stand for gigabytes, never end, or are something else: a sentence, before it costs."""

from __future__ import annotations

import bz2
import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest

import drivseg_ros
from drivseg_ros.bags import expansion
from drivseg_ros.bags.custom_data import read_custom_data
from drivseg_ros.bags.expansion import expand_lz4, expand_zstd
from drivseg_ros.bags.folder_metadata import read_folder_metadata
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.errors import BagError

ZSTD = expansion._zstd()
# The most memory that a command may ask for here, in bytes: much less than what the bombs hold.
_MEMORY = 4 << 30


def text(value: str) -> bytes:
    return struct.pack('<I', len(value)) + value.encode()


def record(kind: int, content: bytes) -> bytes:
    return struct.pack('<BQ', kind, len(content)) + content


MESSAGE = (
    record(3, struct.pack('<H', 1) + text('a/msg/B') + text('ros2msg') + text('uint8 x\n'))
    + record(4, struct.pack('<HH', 1, 1) + text('/t') + text('cdr') + text(''))
    + record(5, struct.pack('<HIQQ', 1, 0, 10**18, 10**18) + b'\0\1\0\0\1')
)


def mcap(content: bytes) -> bytes:
    return b'\x89MCAP0\r\n' + record(1, text('ros2') + text('x')) + content


def zeros(first: bytes, gib: int) -> bytes:
    """A zstd frame of some bytes and many zeros, which states no size."""
    compressor = ZSTD.ZstdCompressor(level=3)
    block = bytes(64 << 20)
    parts = [compressor.compress(first)]
    parts += [compressor.compress(block) for _ in range(gib * 16)]
    return b''.join([*parts, compressor.flush()])


def chunk(compressed: bytes, claimed: int, compression: str = 'zstd') -> bytes:
    head = struct.pack('<QQQI', 1, 1, claimed, 0) + text(compression)
    return record(6, head + struct.pack('<Q', len(compressed)) + compressed)


def metadata(folder: Path, files: str, *, mode: str = '', custom: str = 'null') -> None:
    (folder / 'metadata.yaml').write_text(
        'rosbag2_bagfile_information:\n'
        '  version: 9\n  storage_identifier: mcap\n  duration: {nanoseconds: 1}\n'
        '  starting_time: {nanoseconds_since_epoch: 1}\n  message_count: 0\n'
        f"  topics_with_message_count: []\n  compression_format: '{'zstd' if mode else ''}'\n"
        f"  compression_mode: '{mode}'\n  relative_file_paths: [{files}]\n  files: []\n"
        f'  custom_data: {custom}\n'
    )


def aliases() -> str:
    """A few lines of YAML whose text would have 9 to the power of 9 words."""
    levels = ['k0: &a0 [x, x, x, x, x, x, x, x, x]']
    levels += [f'k{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 9)}]' for n in range(1, 10)]
    return '{' + ', '.join(levels) + '}'


def chunk_bomb(folder: Path) -> Path:
    path = folder / 'bomb.mcap'
    path.write_bytes(mcap(chunk(zeros(MESSAGE, 8), len(MESSAGE))))
    return path


def claiming_bomb(folder: Path) -> Path:
    path = folder / 'bomb.mcap'
    path.write_bytes(mcap(chunk(zeros(MESSAGE, 8), (8 << 30) + len(MESSAGE))))
    return path


def file_bomb(folder: Path) -> Path:
    (folder / 'b.mcap.zstd').write_bytes(zeros(mcap(MESSAGE), 8))
    metadata(folder, 'b.mcap.zstd', mode='file')
    return folder


def pipe(folder: Path) -> Path:
    path = folder / 'pipe.mcap'
    os.mkfifo(path)
    return path


def pipe_in_a_folder(folder: Path) -> Path:
    os.mkfifo(folder / 'pipe.mcap')
    metadata(folder, 'pipe.mcap')
    return folder


def device(folder: Path) -> Path:
    path = folder / 'zero.db3'
    path.symlink_to('/dev/zero')
    return path


def endless_view(folder: Path) -> Path:
    path = folder / 'view.db3'
    with sqlite3.connect(path) as database:
        database.execute(
            'CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, '
            'serialization_format TEXT, offered_qos_profiles TEXT)'
        )
        database.execute("INSERT INTO topics VALUES(1, '/t', 'sensor_msgs/msg/Image', 'cdr', '')")
        database.execute(
            'CREATE VIEW messages AS WITH RECURSIVE c(id) AS (SELECT 1 UNION ALL SELECT id + 1 '
            'FROM c) SELECT id, 1 AS topic_id, id AS timestamp, zeroblob(10) AS data FROM c'
        )
    database.close()
    return path


@pytest.mark.parametrize(
    ('make', 'sentence'),
    [
        (chunk_bomb, 'compressed bytes of the bag expand to more than'),
        (claiming_bomb, 'compressed bytes of the bag expand to more than 1073741824'),
        (file_bomb, 'expands to more than 1024 MiB, which no recording does'),
        (pipe, 'is no file, but a pipe, device or folder; allowed'),
        (pipe_in_a_folder, 'is no file, but a pipe, device or folder; allowed'),
        (device, 'is no file, but a pipe, device or folder; allowed'),
        (endless_view, "its 'messages' is computed, where ros2 bag writes tables"),
    ],
)
def test_bag_info_answers_with_a_sentence(
    tmp_path: Path, make: Callable[[Path], Path], sentence: str
) -> None:
    """In a process that may not have the memory that the bag stands for."""
    bag = make(tmp_path)
    script = (
        f'import resource, sys; resource.setrlimit(resource.RLIMIT_AS, ({_MEMORY}, {_MEMORY})); '
        'from drivseg_ros.cli.main import main; main()'
    )
    result = subprocess.run(
        [sys.executable, '-c', script, 'bag', 'info', str(bag)],
        cwd=Path(drivseg_ros.__file__).parents[1],
        env={**os.environ, 'COLUMNS': '1000', 'TMPDIR': str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 1, result.stderr
    assert sentence in result.stderr
    assert 'Traceback' not in result.stderr


def test_aliases_of_aliases_in_the_metadata_are_no_text(tmp_path: Path) -> None:
    (tmp_path / 'b.mcap').write_bytes(mcap(MESSAGE))
    metadata(tmp_path, 'b.mcap', custom=aliases())
    assert read_custom_data(tmp_path) == {}


@pytest.mark.parametrize('place', ['relative_file_paths: [', 'compression_format: ', 'name: '])
def test_aliases_of_aliases_where_a_text_belongs(tmp_path: Path, place: str) -> None:
    (tmp_path / 'b.mcap').write_bytes(mcap(MESSAGE))
    end = ']' if place.endswith('[') else ''
    topic = '- topic_metadata: {name: /t, type: a/msg/B}\n      message_count: 1\n'
    text = (
        f'rosbag2_bagfile_information:\n  custom_data: {aliases()}\n'
        f'  relative_file_paths: [b.mcap]\n  topics_with_message_count:\n    {topic}'
    )
    keep, _, rest = text.partition(place)
    first = rest.partition(']' if end else ',' if place == 'name: ' else '\n')[2]
    if place == 'compression_format: ':
        text += f'  {place}*a9\n'
    else:
        text = f'{keep}{place}*a9{end or ","}{first}'
    (tmp_path / 'metadata.yaml').write_text(text)
    with pytest.raises(BagError, match='has a list where a text belongs'):
        read_folder_metadata(tmp_path)
    with BagReader(tmp_path) as reader:
        assert reader.count == 1


def test_metadata_nested_too_deeply_is_none(tmp_path: Path) -> None:
    (tmp_path / 'b.mcap').write_bytes(mcap(MESSAGE))
    (tmp_path / 'metadata.yaml').write_text('[' * 20_000)
    assert read_custom_data(tmp_path) == {}
    with BagReader(tmp_path) as reader:
        assert reader.count == 1
        assert 'not finished or is damaged' in reader.unfinished


def test_a_message_that_stands_for_gigabytes(tmp_path: Path) -> None:
    """As message-compressed bags have them."""
    content = MESSAGE[: -len(b'\0\1\0\0\1') - 9 - 22]
    head = struct.pack('<HIQQ', 1, 0, 10**18, 10**18)
    (tmp_path / 'b.mcap').write_bytes(mcap(content + record(5, head + zeros(b'\0\1\0\0\1', 2))))
    with (
        BagReader(tmp_path / 'b.mcap') as reader,
        pytest.raises(BagError, match='expand to more than 1073741824'),
    ):
        list(reader.messages())


@pytest.mark.parametrize(
    ('expand', 'compress'),
    [
        (expand_zstd, ZSTD.compress),
        (expand_lz4, lz4.frame.compress),
        (lambda d, limit: expansion._expand(bz2.BZ2Decompressor, d, limit), bz2.compress),
    ],
)
def test_expansion(expand: Callable[..., bytes], compress: Callable[[bytes], bytes]) -> None:
    data = os.urandom(3000) + bytes(1000)
    assert expand(compress(data), limit=4000) == data
    assert expand(compress(data) + compress(b'more'), limit=4004) == data + b'more'
    assert expand(compress(b''), limit=0) == b''
    with pytest.raises(BagError, match='expand to more than 3999'):
        expand(compress(data), limit=3999)
    with pytest.raises(ValueError, match='ends too early'):
        expand(compress(data)[:-30], limit=4000)
    with pytest.raises(Exception):  # noqa: B017, PT011  # each library has its own
        expand(b'garbage garbage garbage', limit=4000)


@pytest.mark.parametrize('compression', ['zstd', 'lz4'])
def test_rosbags_keeps_to_the_limit(compression: str) -> None:
    """Its own tables are changed, which another version of it might not have."""
    from rosbags.rosbag1.reader import decompressors
    from rosbags.rosbag2.storage_mcap import DECOMPRESSORS

    compress = {'zstd': ZSTD.compress, 'lz4': lz4.frame.compress}[compression]
    assert DECOMPRESSORS[compression](compress(bytes(5000)), 5000) == bytes(5000)
    with pytest.raises(BagError, match='expand to more than 4999'):
        DECOMPRESSORS[compression](compress(bytes(5000)), 4999)
    assert {'lz4', 'bz2'} <= decompressors.keys()
    assert decompressors['bz2'](bz2.compress(b'x')) == b'x'
