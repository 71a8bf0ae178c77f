# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings that were not ended: what is whole is read, nothing else is invented."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from bag_files import Sample, image_sample, samples, write_rosbag2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivseg_ros.bags.reader import BagReader
from drivseg_ros.errors import BagError

# Wide enough for some chunks of 1 MB.
WANTED = samples(12, width=9000)
QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope='module')
def mcaps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp('mcaps')
    return {
        c: (write_rosbag2(folder / c, WANTED, compression=c) / f'{c}.mcap').read_bytes()
        for c in ('none', 'storage')
    }


@pytest.mark.parametrize('compression', ['none', 'storage'])
@QUICK
@given(part=st.floats(0, 0.999))
def test_a_cut_mcap_gives_the_first_messages(
    part: float, compression: str, mcaps: dict[str, bytes], tmp_path: Path
) -> None:
    whole = mcaps[compression]
    path = tmp_path / 'cut.mcap'
    path.write_bytes(whole[: int(part * len(whole))])
    try:
        reader = BagReader(path)
    except BagError:
        # Only if nothing is left: an uncompressed chunk is read up to the tear in it.
        least = WANTED[0].data if compression == 'none' else b''.join(s.data for s in WANTED[:5])
        assert len(path.read_bytes()) < len(least) + 12_000
        return
    with reader:
        got = [(m.topic, m.time_ns, m.data) for m in reader.messages()]
        assert got
        assert got == [(s.topic, s.time_ns, s.data) for s in WANTED[: len(got)]]
        assert reader.count == len(got)
        assert (reader.start_ns, reader.end_ns) == (got[0][1], got[-1][1])
        assert 'not finished' in reader.unfinished


def test_little_is_lost_of_a_cut_mcap(mcaps: dict[str, bytes], tmp_path: Path) -> None:
    whole = mcaps['none']
    (tmp_path / 'cut.mcap').write_bytes(whole[: int(0.8 * len(whole))])
    with BagReader(tmp_path / 'cut.mcap') as reader:
        images = sum(m.topic == '/cam/image_raw' for m in reader.messages())
    assert images == int(0.8 * 12)


def test_an_mcap_without_its_index_is_read_whole_and_in_order_of_time(tmp_path: Path) -> None:
    shuffled = [image_sample(i, width=9000) for i in (0, 2, 1, 5, 4, 3, 6, 7)]
    made = write_rosbag2(tmp_path / 'bag', shuffled) / 'bag.mcap'
    made.write_bytes(made.read_bytes()[:-60])
    with BagReader(made.parent) as reader:
        got = [m.data for m in reader.messages()]
    assert got == [s.data for s in sorted(shuffled, key=lambda s: s.time_ns)]


def test_the_user_is_told_in_the_log(
    tmp_path: Path, mcaps: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / 'bag').mkdir()
    (tmp_path / 'bag' / 'bag.mcap').write_bytes(mcaps['none'][:-5])
    with caplog.at_level(logging.WARNING), BagReader(tmp_path / 'bag') as reader:
        assert reader.count == len(WANTED)
    assert [r.message for r in caplog.records] == [reader.unfinished]
    assert "'ros2 bag reindex'" in reader.unfinished


def test_one_torn_file_of_a_split_recording_costs_only_its_tail(
    tmp_path: Path, mcaps: dict[str, bytes]
) -> None:
    made = write_rosbag2(tmp_path / 'bag_0', WANTED)
    (made / 'bag_1.mcap').write_bytes(b'')
    with BagReader(made) as reader:  # its metadata does not know of the second
        assert 'does not name bag_1.mcap' in reader.unfinished
    (made / 'metadata.yaml').unlink()
    with BagReader(made) as reader:
        assert reader.count == len(WANTED)
        assert 'bag_1.mcap' in reader.unfinished


def test_unchunked_mcap_is_read(tmp_path: Path, mcaps: dict[str, bytes]) -> None:
    # As with storage preset 'fastwrite': the records of the chunks lie in the open.
    from drivseg_ros.bags.scanned_mcap import _chunk_content, _records

    head, rest = mcaps['none'][:8], mcaps['none'][8:]
    flat = bytearray(head)
    for kind, content in _records(rest):
        if kind == 1:
            flat += bytes([kind]) + len(content).to_bytes(8, 'little') + content
        if kind == 6:
            flat += _chunk_content(content, torn=True)
    (tmp_path / 'flat.mcap').write_bytes(flat)
    with BagReader(tmp_path / 'flat.mcap') as reader:
        assert [m.data for m in reader.messages()] == [s.data for s in WANTED]


def test_lz4_chunks_are_read(tmp_path: Path, mcaps: dict[str, bytes]) -> None:
    import lz4.frame

    from drivseg_ros.bags.scanned_mcap import _records

    packed = bytearray(mcaps['none'][:8])
    for kind, content in _records(mcaps['none'][8:]):
        if kind == 6:
            data = lz4.frame.compress(content[40:])
            content = content[:28] + b'\3\0\0\0lz4' + len(data).to_bytes(8, 'little') + data
        if kind in (1, 6):
            packed += bytes([kind]) + len(content).to_bytes(8, 'little') + content
    (tmp_path / 'packed.mcap').write_bytes(packed)
    with BagReader(tmp_path / 'packed.mcap') as reader:
        assert [m.data for m in reader.messages()] == [s.data for s in WANTED]


def test_a_foreign_mcap_is_refused(tmp_path: Path) -> None:
    header = b'\3\0\0\0abc\0\0\0\0'
    record = b'\1' + len(header).to_bytes(8, 'little') + header
    (tmp_path / 'a.mcap').write_bytes(b'\x89MCAP0\r\n' + record)
    with pytest.raises(BagError, match=r"no recording of ROS 2 \(MCAP profile 'abc', no channel"):
        BagReader(tmp_path / 'a.mcap')


def test_a_cut_db3_is_refused(tmp_path: Path) -> None:
    # SQLite would read what is missing as zeros.
    made = write_rosbag2(tmp_path / 'bag', WANTED, storage='sqlite3')
    whole = (made / 'bag.db3').read_bytes()
    for size in (100, 4000, len(whole) // 3, len(whole) - 4096, len(whole) - 1):
        (made / 'bag.db3').write_bytes(whole[:size])
        for path in (made, made / 'bag.db3'):
            with pytest.raises(BagError, match=rf'bag.db3. is cut short: it has {size} bytes'):
                BagReader(path)


def test_a_db3_damaged_inside_gives_the_messages_before(tmp_path: Path) -> None:
    made = write_rosbag2(tmp_path / 'bag', WANTED, storage='sqlite3') / 'bag.db3'
    whole = bytearray(made.read_bytes())
    with sqlite3.connect(made) as database:
        (page,) = database.execute('PRAGMA page_size').fetchone()
        index = "SELECT rootpage FROM sqlite_master WHERE name = 'timestamp_idx'"
        (root,) = database.execute(index).fetchone()
    whole[(root - 1) * page : root * page] = bytes(page)
    made.write_bytes(whole)
    with BagReader(made) as reader:
        assert [m.data for m in reader.messages()] == [s.data for s in WANTED]
        assert 'not finished or is damaged' in reader.unfinished


KILLED_RECORDER = """
import os, signal, sqlite3, sys
path, source = sys.argv[1:]
database = sqlite3.connect(path)
database.execute('PRAGMA journal_mode=WAL')
database.execute('PRAGMA wal_autocheckpoint=0')
database.execute('ATTACH ? AS source', [source])
tables = "SELECT sql FROM source.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
for (sql,) in database.execute(tables).fetchall():
    database.execute(sql)
for table in ('schema', 'topics', 'message_definitions', 'messages'):
    database.execute(f'INSERT INTO {table} SELECT * FROM source.{table}')
database.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_write_ahead_log_of_a_killed_recorder_is_read(tmp_path: Path) -> None:
    source = write_rosbag2(tmp_path / 'source', WANTED, storage='sqlite3') / 'source.db3'
    killed = subprocess.run(
        [sys.executable, '-c', KILLED_RECORDER, str(tmp_path / 'killed.db3'), str(source)]
    )
    assert killed.returncode == -signal.SIGKILL
    assert os.path.getsize(tmp_path / 'killed.db3-wal') > 0
    with BagReader(tmp_path / 'killed.db3') as reader:
        assert [m.data for m in reader.messages()] == [s.data for s in WANTED]
        assert next(reader.messages()).message.width == 9000
        assert 'write-ahead log' in reader.unfinished


def test_a_db3_without_messages_that_can_be_read_is_refused(tmp_path: Path) -> None:
    made = write_rosbag2(tmp_path / 'bag', WANTED[:1], storage='sqlite3')
    with sqlite3.connect(made / 'bag.db3') as database:
        database.execute('DELETE FROM messages')
        database.execute('DROP TABLE schema')
        database.execute('ALTER TABLE topics DROP COLUMN offered_qos_profiles')
        database.execute('CREATE TABLE schema(other INTEGER)')
    (made / 'metadata.yaml').unlink()
    with pytest.raises(BagError, match='no message that can be read'):
        BagReader(made)


def test_old_columns_are_enough(tmp_path: Path) -> None:
    good: list[Sample] = samples(3)
    made = write_rosbag2(tmp_path / 'bag', good, storage='sqlite3') / 'bag.db3'
    with sqlite3.connect(made) as database:
        database.execute('ALTER TABLE topics DROP COLUMN offered_qos_profiles')
        database.execute('DROP TABLE message_definitions')
    with BagReader(made) as reader:
        assert [m.data for m in reader.messages()] == [s.data for s in good]
        assert next(reader.messages()).message.encoding == 'rgb8'
