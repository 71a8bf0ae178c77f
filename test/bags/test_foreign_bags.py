# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags of other tools, and bags whose metadata.yaml is not that of their storage."""

from __future__ import annotations

import logging
import re
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from bag_files import IMAGE, Cdr, Sample, image_sample, samples, write_rosbag2

from drivseg_ros.bags.qos import TopicQos, to_rosbags
from drivseg_ros.bags.reader import BagReader, _warn_once
from drivseg_ros.bags.typestore import define, ros2_name, standard_types
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import BagError

WANTED = samples(4)
MAGIC = b'\x89MCAP0\r\n'


@pytest.fixture(autouse=True)
def _warn_again() -> None:
    _warn_once.cache_clear()


def edited(path: Path, pattern: str, by: str, *, count: int = 0) -> None:
    text = (path / 'metadata.yaml').read_text()
    changed = re.sub(pattern, by, text, count=count)
    assert changed != text
    (path / 'metadata.yaml').write_text(changed)


EDITS: dict[str, tuple[str, str, str]] = {
    'reliability': ('reliability: reliable', 'reliability: best_effort', 'another QoS'),
    'depth': ('depth: 10', 'depth: 7', 'another QoS'),
    'hash': ('RIHS01_[0-9a-f]{64}', f'RIHS01_{"0" * 64}', ''),
    'type': (IMAGE, 'sensor_msgs/msg/CompressedImage', f'is {IMAGE}, not sensor_msgs/msg/Compr'),
    'name': ('/cam/image_raw', '/front/image', '/cam/image_raw is not announced'),
    'more messages': ('message_count: 4', 'message_count: 400', 'has 4 messages, not 400'),
    'no messages': ('message_count: 4', 'message_count: 0', 'has 4 messages, not 0'),
    'future': ('version: 9', 'version: 12', ''),
    'compression that is not there': ("compression_mode: ''", 'compression_mode: file', ''),
    'encoding': ('serialization_format: cdr', 'serialization_format: arrow', ''),
}


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize('edit', EDITS)
def test_what_metadata_says_otherwise_is_read_by_the_storage(
    edit: str, storage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pattern, by, differs = EDITS[edit]
    made = write_rosbag2(tmp_path / 'bag', WANTED, storage=storage, qos=[to_rosbags(TopicQos())])
    edited(made, pattern, by)
    with caplog.at_level(logging.WARNING), BagReader(made) as reader:
        assert {n: (t.msgtype, t.count, t.qos) for n, t in reader.topics.items()} == {
            '/cam/image_raw': (IMAGE, 4, (TopicQos(),)),
            '/note': ('std_msgs/msg/String', 2, (TopicQos(),)),
        }
        assert (reader.start_ns, reader.end_ns) == (WANTED[0].time_ns, WANTED[-1].time_ns)
        assert reader.unfinished == ''
        assert [m.data for m in reader.messages()] == [s.data for s in WANTED]
    assert ('is not that of its storage' in caplog.text) == bool(differs)
    assert differs in caplog.text


def test_a_topic_that_is_only_announced_is_not_in_the_bag(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = write_rosbag2(tmp_path / 'bag', WANTED, storage='sqlite3')
    with sqlite3.connect(made / 'bag.db3') as database:
        database.execute(
            "DELETE FROM messages WHERE topic_id IN (SELECT id FROM topics WHERE name = '/note')"
        )
        database.execute("DELETE FROM topics WHERE name = '/note'")
    with BagReader(made) as reader:
        assert list(reader.topics) == ['/cam/image_raw']
        assert len(list(reader.messages())) == 4
    assert '/note is not in it' in caplog.text


@pytest.mark.parametrize('old', ['mcap', 'db3'])
def test_metadata_of_a_bag_that_was_converted_in_its_place(old: str, tmp_path: Path) -> None:
    new = {'mcap': 'db3', 'db3': 'mcap'}[old]
    plugin = {'mcap': 'mcap', 'db3': 'sqlite3'}
    made = write_rosbag2(tmp_path / 'bag', WANTED, storage=plugin[old])
    other = write_rosbag2(tmp_path / 'other' / 'bag', WANTED, storage=plugin[new])
    (made / f'bag.{old}').unlink()
    shutil.copy(other / f'bag.{new}', made)
    with BagReader(made) as reader:
        assert [m.data for m in reader.messages()] == [s.data for s in WANTED]
        assert f'bag.{old} is missing' in reader.unfinished


def test_a_split_that_the_metadata_does_not_name_is_read_and_another_file_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = write_rosbag2(tmp_path / 'bag_0', WANTED[:3])
    last = write_rosbag2(tmp_path / 'bag_1', WANTED[3:]) / 'bag_1.mcap'
    shutil.copy(last, made / 'bag_1.mcap')
    shutil.copy(last, made / 'filtered.mcap')
    with BagReader(made) as reader:
        assert [m.data for m in reader.messages()] == [s.data for s in WANTED]
        assert 'does not name bag_1.mcap' in reader.unfinished
    assert 'filtered.mcap of bag' in caplog.text


def test_a_compressed_file_without_metadata_is_expanded_once(tmp_path: Path) -> None:
    made = write_rosbag2(tmp_path / 'bag', WANTED, compression='file')
    (made / 'metadata.yaml').unlink()
    with BagReader(made) as reader:
        assert [m.data for m in reader.messages()] == [s.data for s in WANTED]


def test_messages_compressed_otherwise_are_refused(tmp_path: Path) -> None:
    made = write_rosbag2(tmp_path / 'bag', WANTED, compression='message')
    edited(made, 'compression_format: zstd', 'compression_format: lz4')
    with pytest.raises(BagError, match=r"are compressed by 'lz4'; allowed is zstd"):
        BagReader(made)


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack('<I', len(data)) + data


def record(kind: int, content: bytes) -> bytes:
    return struct.pack('<BQ', kind, len(content)) + content


Form = tuple[str, str, str | bytes, str]  # schema, its encoding, its text, the messages' encoding


def image_form(name: str = IMAGE, encoding: str = 'cdr') -> Form:
    return name, 'ros2msg', define(standard_types(), IMAGE).text, encoding


def write_mcap(
    path: Path, channels: dict[str, tuple[Form, list[Sample]]], *, profile: str = ''
) -> Path:
    """An MCAP file without chunks or index, as its plainest writers make it."""
    body = MAGIC + record(1, text(profile) + text('another tool'))
    messages = []
    for number, (topic, ((name, form, schema, encoding), wanted)) in enumerate(channels.items(), 1):
        body += record(3, struct.pack('<H', number) + text(name) + text(form) + text(schema))
        body += record(
            4, struct.pack('<HH', number, number) + text(topic) + text(encoding) + text('')
        )
        messages += [(s.time_ns, number, s.data) for s in wanted]
    for time_ns, number, data in sorted(messages):
        body += record(5, struct.pack('<HIQQ', number, 0, time_ns, time_ns) + data)
    body += record(15, bytes(4)) + record(2, bytes(20)) + MAGIC
    path.write_bytes(body)
    return path


IMAGES = [image_sample(n) for n in range(3)]
NAMES = ['sensor_msgs/Image', 'sensor_msgs::msg::dds_::Image_', 'sensor_msgs::msg::Image', IMAGE]


@pytest.mark.parametrize('profile', ['ros2', ''])
@pytest.mark.parametrize('name', [*NAMES, 'sensor_msgs.msg.Image'])
def test_other_names_of_a_type_are_those_of_ros2(name: str, profile: str, tmp_path: Path) -> None:
    channels = {'/cam/image_raw': (image_form(name), IMAGES)}
    with BagReader(write_mcap(tmp_path / 'a.mcap', channels, profile=profile)) as reader:
        topic = reader.topics['/cam/image_raw']
        assert (topic.msgtype, topic.count, reader.unfinished) == (IMAGE, 3, '')
        assert [m.data for m in reader.messages()] == [s.data for s in IMAGES]
        assert next(reader.messages()).message.width == 16
        assert topic.definition.hash == define(standard_types(), IMAGE).hash


def test_other_names_in_a_db3(tmp_path: Path) -> None:
    made = write_rosbag2(tmp_path / 'bag', IMAGES, storage='sqlite3')
    with sqlite3.connect(made / 'bag.db3') as database:
        database.execute("UPDATE topics SET type = 'sensor_msgs/Image'")
    with BagReader(made) as reader:
        assert reader.topics['/cam/image_raw'].msgtype == IMAGE
        assert next(reader.messages()).message.width == 16


def test_names_that_are_no_types_stay(tmp_path: Path) -> None:
    assert ros2_name('Image') == 'Image'
    assert ros2_name('a/srv/B_Request') == 'a/srv/B_Request'
    assert ros2_name('a/b/c/D') == 'a/b/c/D'
    assert ros2_name('') == ''
    channels = {'/x': (image_form('Image'), IMAGES), '/y': (image_form(''), IMAGES)}
    with BagReader(write_mcap(tmp_path / 'a.mcap', channels)) as reader:
        assert reader.topics['/x'].msgtype == 'Image'
        assert [m.data for m in reader.messages(['/x'])] == [s.data for s in IMAGES]
        for topic, name in (('/x', 'Image'), ('/y', '')):
            message = next(reader.messages([topic]))
            with pytest.raises(BagError, match=f"message type '{name}' cannot be read"):
                _ = message.message
            with pytest.raises(BagError, match=f"message type '{name}'"):
                _ = message.header_stamp_ns


OTHERS: dict[str, Form] = {
    'json': ('foxglove.CompressedImage', 'jsonschema', '{}', 'json'),
    'protobuf': ('foxglove.CompressedImage', 'protobuf', b'\x0a\xff\xfe\x80', 'protobuf'),
    'ros1': ('sensor_msgs/Image', 'ros1msg', 'uint8 x', 'ros1'),
}


@pytest.mark.parametrize('profile', ['ros2', ''])
@pytest.mark.parametrize('other', OTHERS)
def test_other_encodings_beside_cdr_are_left_out(
    other: str, profile: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    channels = {'/other': (OTHERS[other], IMAGES), '/cam/image_raw': (image_form(), IMAGES)}
    with BagReader(write_mcap(tmp_path / 'a.mcap', channels, profile=profile)) as reader:
        assert list(reader.topics) == ['/cam/image_raw']
        assert [m.data for m in reader.messages()] == [s.data for s in IMAGES]
        assert reader.unfinished == ''
    assert f'is left out: /other ({other}); ' in caplog.text


@pytest.mark.parametrize('other', OTHERS)
def test_bags_without_cdr_are_refused_with_advice(other: str, tmp_path: Path) -> None:
    advice = 'give the .bag file' if other == 'ros1' else 'record them as ROS 2 messages'
    path = write_mcap(tmp_path / 'a.mcap', {'/other': (OTHERS[other], IMAGES)})
    with pytest.raises(BagError, match=rf'no topic in CDR.* but /other \({other}\); .*{advice}'):
        BagReader(path)


def statistics_place(data: bytes) -> int:
    """Where the statistics of an MCAP file begin, after the head of their record."""
    place = struct.unpack_from('<Q', data, len(data) - 28)[0]
    while data[place] != 0x0B:
        place += 9 + struct.unpack_from('<Q', data, place + 1)[0]
    return place + 9


def more_statistics(data: bytearray) -> None:
    struct.pack_into('<Q', data, statistics_place(data), 99)


def no_offsets(data: bytearray) -> None:
    """An index of the chunks that does not say where the messages' indexes are, as is allowed."""
    start = struct.unpack_from('<Q', data, len(data) - 28)[0]
    place = start
    while data[place] != 0x08:
        place += 9 + struct.unpack_from('<Q', data, place + 1)[0]
    size = struct.unpack_from('<Q', data, place + 1)[0]
    content = data[place + 9 : place + 9 + size]
    (offsets,) = struct.unpack_from('<I', content, 32)
    content = content[:32] + bytes(4) + content[36 + offsets :]
    data[place : place + 9 + size] = record(0x08, bytes(content))


@pytest.mark.parametrize('change', [more_statistics, no_offsets])
def test_an_index_that_is_not_that_of_the_messages(
    change: Callable[[bytearray], None], tmp_path: Path
) -> None:
    made = write_rosbag2(tmp_path / 'bag', WANTED) / 'bag.mcap'
    data = bytearray(made.read_bytes())
    change(data)
    made.write_bytes(data)
    with BagReader(made) as reader:
        assert reader.topics['/cam/image_raw'].count == 4
        assert [m.data for m in reader.messages()] == [s.data for s in WANTED]


def test_a_db3_whose_topic_has_no_name_is_refused(tmp_path: Path) -> None:
    made = write_rosbag2(tmp_path / 'bag', IMAGES, storage='sqlite3')
    with sqlite3.connect(made / 'bag.db3') as database:
        for table in ('topics', 'messages'):
            database.execute(f'CREATE TABLE new AS SELECT * FROM {table}')
            database.execute(f'DROP TABLE {table}')
            database.execute(f'ALTER TABLE new RENAME TO {table}')
        database.execute('UPDATE topics SET name = NULL')
    with pytest.raises(BagError, match='name or type None, which is no text'):
        BagReader(made)


def test_a_chunk_whose_checksum_differs_is_no_message(tmp_path: Path) -> None:
    content = write_mcap(tmp_path / 'a.mcap', {'/i': (image_form(), IMAGES)}).read_bytes()
    inner = content[len(MAGIC) + 9 + 8 + 12 : -(9 + 4 + 9 + 20 + 8)]
    head = struct.pack('<QQQI', 1, 1, len(inner), 12345) + text('')
    chunk = record(6, head + struct.pack('<Q', len(inner)) + inner)
    body = MAGIC + record(1, text('') + text('')) + chunk + record(15, bytes(4))
    (tmp_path / 'b.mcap').write_bytes(body)
    with pytest.raises(BagError, match='checksum of a chunk differs'):
        BagReader(tmp_path / 'b.mcap')


def test_an_index_whose_checksum_differs_is_not_used(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'a') as writer:
        writer.add_topic('/note', 'std_msgs/msg/String')
        writer.write('/note', 1, Cdr().string('x').done())
    content = (tmp_path / 'a/a_0.mcap').read_bytes()
    place = content.rindex(b'/note')
    (tmp_path / 'b.mcap').write_bytes(content[:place] + b'/nose' + content[place + 5 :])
    with BagReader(tmp_path / 'b.mcap') as reader:
        assert list(reader.topics) == ['/note']


def test_a_chunk_that_claims_more_than_it_has_is_damaged(tmp_path: Path) -> None:
    content = write_mcap(tmp_path / 'a.mcap', {'/i': (image_form(), IMAGES)}).read_bytes()
    inner = content[len(MAGIC) + 9 + 8 + 12 : -(9 + 4 + 9 + 20 + 8)]
    for claimed, rest in ((len(inner) + 1, b''), (len(inner) + 5, b'12345')):
        head = struct.pack('<QQQI', 1, 1, claimed, 0) + text('')
        chunk = record(6, head + struct.pack('<Q', claimed) + inner + rest)
        body = MAGIC + record(1, text('') + text('')) + chunk + record(15, bytes(4))
        (tmp_path / 'b.mcap').write_bytes(body)
        with pytest.raises(BagError, match=r'a chunk (claims more|does not end with a record)'):
            BagReader(tmp_path / 'b.mcap')
