# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
import signal
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any
from zlib import crc32

import numpy as np
import pytest
import yaml
from bag_files import IMAGE, STRING, Cdr, samples, write_rosbag1, write_rosbag2
from rosbags import rosbag2

from drivseg_ros.bags import messages
from drivseg_ros.bags.qos import LATCHED, TopicQos
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.typestore import TypeDefinition
from drivseg_ros.bags.writer import STORAGES, BagWriter
from drivseg_ros.errors import BagError

BIG_ENDIAN = b'\0\0\0\0' + (5).to_bytes(4, 'big') + b'abcd\0'


def numbered(number: int, size: int = 3000) -> bytes:
    return Cdr().string(f'{number:08d}'.ljust(size, '.')).done()


def read(path: Path) -> list[tuple[str, int, bytes]]:
    with BagReader(path) as reader:
        assert reader.unfinished == ''
        return [(m.topic, m.time_ns, m.data) for m in reader.messages()]


def test_bytes_come_back_as_they_were(tmp_path: Path) -> None:
    wanted = [(s.topic, s.time_ns, s.data) for s in samples(7)]
    with BagWriter(tmp_path / 'a' / 'bag') as writer:
        writer.add_topic('/cam/image_raw', IMAGE)
        writer.add_topic('/note', STRING, qos=LATCHED)
        writer.add_topic('/never', STRING)
        for topic, time_ns, data in wanted:
            writer.write(topic, time_ns, data)
        writer.write('/note', wanted[-1][1] + 1, bytearray(BIG_ENDIAN))
        writer.write('/note', wanted[-1][1] + 2, memoryview(BIG_ENDIAN))
    assert writer.counts == {'/cam/image_raw': 7, '/note': 5, '/never': 0}
    assert sorted(os.listdir(tmp_path / 'a' / 'bag')) == ['bag_0.mcap', 'metadata.yaml']
    got = read(tmp_path / 'a' / 'bag')
    assert got[: len(wanted)] == wanted
    assert [g[2] for g in got[len(wanted) :]] == [BIG_ENDIAN, BIG_ENDIAN]
    with rosbag2.Reader(tmp_path / 'a' / 'bag') as reader:
        assert {c.topic: c.msgcount for c in reader.connections} == writer.counts


def test_messages_of_rosbags_are_serialised(tmp_path: Path) -> None:
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    message = messages.image(pixels, encoding='bgr8', stamp_ns=5_000_000_007, frame_id='cam')
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/i', IMAGE)
        writer.write('/i', 9, message)
    ((_, _, data),) = read(tmp_path / 'bag')
    cdr = Cdr().number('i', 5).number('I', 7).string('cam').number('I', 4).number('I', 6)
    wanted = cdr.string('bgr8').number('B', 0).number('I', 18).octets(pixels.tobytes()).done()
    assert data == wanted


def decode_metadata(node: dict[str, Any]) -> None:
    """What rosbag2's Jazzy and Kilted demand of version 9 (rosbag2_storage, yaml.hpp, qos.cpp)."""
    assert node['version'] == 9
    assert isinstance(node['storage_identifier'], str)
    assert isinstance(node['duration']['nanoseconds'], int)
    assert isinstance(node['starting_time']['nanoseconds_since_epoch'], int)
    assert isinstance(node['message_count'], int)
    for entry in node['topics_with_message_count']:
        assert isinstance(entry['message_count'], int)
        topic = entry['topic_metadata']
        for key in ('name', 'type', 'serialization_format', 'type_description_hash'):
            assert isinstance(topic[key], str)
        assert topic['serialization_format'] == 'cdr'
        assert isinstance(topic['offered_qos_profiles'], list)
        for qos in topic['offered_qos_profiles']:
            assert qos['history'] in ('system_default', 'keep_last', 'keep_all')
            assert qos['reliability'] in ('system_default', 'reliable', 'best_effort')
            assert qos['durability'] in ('system_default', 'volatile', 'transient_local')
            assert qos['liveliness'] in ('system_default', 'automatic', 'manual_by_topic')
            assert isinstance(qos['depth'], int)
            assert isinstance(qos['avoid_ros_namespace_conventions'], bool)
            for key in ('deadline', 'lifespan', 'liveliness_lease_duration'):
                # RMW_DURATION_INFINITE; a finite one would be enforced in play.
                assert qos[key] == {'sec': 9223372036, 'nsec': 854775807}
    assert all(isinstance(p, str) for p in node['relative_file_paths'])
    assert (node['compression_format'], node['compression_mode']) == ('', '')
    for file in node['files']:
        assert isinstance(file['path'], str)
        assert isinstance(file['starting_time']['nanoseconds_since_epoch'], int)
        assert isinstance(file['duration']['nanoseconds'], int)
        assert isinstance(file['message_count'], int)
    assert node['custom_data'] is None or isinstance(node['custom_data'], dict)
    assert isinstance(node['ros_distro'], str)


def test_the_metadata_is_what_rosbag2_reads(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/a', IMAGE, qos=TopicQos('best_effort', depth=5))
        writer.add_topic('/b', STRING, qos=[LATCHED, TopicQos()])
        writer.write('/b', 20, numbered(1))
        writer.write('/b', 50, numbered(2))
    node = yaml.safe_load((tmp_path / 'bag' / 'metadata.yaml').read_text())
    node = node['rosbag2_bagfile_information']
    decode_metadata(node)
    assert node['starting_time']['nanoseconds_since_epoch'] == 20
    assert node['duration']['nanoseconds'] == 30
    assert node['message_count'] == 2
    assert node['relative_file_paths'] == ['bag_0.mcap']
    a, b = (t['topic_metadata'] for t in node['topics_with_message_count'])
    assert a['offered_qos_profiles'][0]['reliability'] == 'best_effort'
    assert [q['durability'] for q in b['offered_qos_profiles']] == ['transient_local', 'volatile']
    # As ros2 topic info --verbose prints it.
    assert a['type_description_hash'] == (
        'RIHS01_d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47'
    )
    # Tools that read the mcap alone find the definitions in it.
    whole = (tmp_path / 'bag' / 'bag_0.mcap').read_bytes()
    assert b'MSG: std_msgs/Header' in whole
    assert b'serialized_metadata' in whole


def records(data: bytes) -> list[tuple[int, int, bytes]]:
    """Kind, place and content of the records of an MCAP file."""
    found, place = [], 8
    while place < len(data) - 8:
        kind, size = struct.unpack_from('<BQ', data, place)
        found.append((kind, place, data[place + 9 : place + 9 + size]))
        place += 9 + size
    return found


def test_an_mcap_has_its_checksums_and_the_hash_of_every_type(tmp_path: Path) -> None:
    """By the MCAP specification, and as rosbag2_storage_mcap of Jazzy fills it."""
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/cam/image_raw', IMAGE)
        writer.add_topic('/note', STRING)
        for sample in samples(8, width=9000):
            writer.write(sample.topic, sample.time_ns, sample.data)
    data = (tmp_path / 'bag' / 'bag_0.mcap').read_bytes()
    found = records(data)
    chunks = [content for kind, _, content in found if kind == 6]
    assert len(chunks) > 1
    for content in chunks:
        assert struct.unpack_from('<I', content, 24)[0] == crc32(content[40:]) != 0
    (end,) = [(place, content) for kind, place, content in found if kind == 15]
    assert struct.unpack('<I', end[1])[0] == crc32(data[: end[0]])
    start, offsets, checksum = struct.unpack('<QQI', found[-1][2])
    assert checksum == crc32(data[start:-12])
    kinds = [kind for kind, place, _ in found if start <= place < offsets]
    assert kinds == [3, 3, 4, 4, 11, *[8] * len(chunks), 13]
    for kind, _, content in found:
        if kind == 14:  # of each kind in the summary, where it stands
            group, place, size = struct.unpack('<BQQ', content)
            assert data[place] == group
            assert place + size <= offsets
        if kind == 4:
            assert b'topic_type_hash' in content
            assert len(re.findall(rb'RIHS01_[0-9a-f]{64}', content)) == 1


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize('distribution', ['kilted', ''])
def test_the_distribution_is_that_of_the_environment(
    storage: str, distribution: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('ROS_DISTRO', distribution)
    with BagWriter(tmp_path / 'bag', storage=storage) as writer:
        writer.add_topic('/note', STRING)
        writer.write('/note', 20, numbered(1))
    node = yaml.safe_load((tmp_path / 'bag' / 'metadata.yaml').read_text())
    assert node['rosbag2_bagfile_information']['ros_distro'] == distribution
    # The pattern of `ros2 bag reindex` (rosbag2_cpp, reindexer.hpp).
    (file,) = node['rosbag2_bagfile_information']['relative_file_paths']
    assert re.fullmatch(r'.+_(\d+)\.([a-zA-Z0-9])+', file)
    content = (tmp_path / 'bag' / file).read_bytes()
    assert b'rosbags' not in content
    if storage == 'sqlite3':
        with sqlite3.connect(tmp_path / 'bag' / file) as database:
            assert database.execute('SELECT * FROM schema').fetchone() == (4, distribution)
    elif distribution:
        assert b'ros_distro: kilted' in content


def test_topics_are_copied_with_their_definitions(tmp_path: Path) -> None:
    source = write_rosbag1(tmp_path / 'a.bag', samples(3))
    with BagReader(source) as reader, BagWriter(tmp_path / 'bag') as writer:
        for topic in reader.topics.values():
            writer.add_topic(topic.name, topic.msgtype, qos=topic.qos, definition=topic.definition)
        for message in reader.messages():
            writer.write(message.topic, message.time_ns, message.message)
    assert read(tmp_path / 'bag') == [(s.topic, s.time_ns, s.data) for s in samples(3)]


def test_own_types_are_written_with_a_definition(tmp_path: Path) -> None:
    given = TypeDefinition('our_msgs/msg/Speed', 'float32 speed\n', 'RIHS01_' + '0' * 64)
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/speed', given.msgtype, definition=given)
        writer.write('/speed', 1, Cdr().number('f', 1.5).done())
    with BagReader(tmp_path / 'bag') as reader:
        (message,) = reader.messages()
        assert message.message.speed == 1.5
        assert reader.topics['/speed'].definition == given
    with BagReader(tmp_path / 'bag') as reader, BagWriter(tmp_path / 'copy') as writer:
        writer.add_topic('/speed', given.msgtype, definition=given)
        writer.write('/speed', 2, next(reader.messages()).message)
    assert read(tmp_path / 'copy') == [('/speed', 2, Cdr().number('f', 1.5).done())]


WRONG_USE: dict[str, tuple[Callable[[BagWriter], object], str]] = {
    'an unknown type': (
        lambda w: w.add_topic('/x', 'our_msgs/msg/Speed'),
        r"'our_msgs/msg/Speed' is unknown here; give its definition",
    ),
    'a topic twice': (lambda w: w.add_topic('/a', IMAGE), r"'/a' is in bag .* already"),
    "another type's definition": (
        lambda w: w.add_topic('/x', IMAGE, definition=TypeDefinition(STRING, '', '')),
        r'is sensor_msgs/msg/Image but the definition given is std_msgs/msg/String',
    ),
    'a topic not added': (lambda w: w.write('/x', 1, b''), r"'/x' was not added .*; there: /a"),
    'a time before 1970': (lambda w: w.write('/a', -1, b''), r'time -1 ns .* out of range'),
    'a time after 2262': (lambda w: w.write('/a', 2**63, b''), r'out of range'),
    'a string': (lambda w: w.write('/a', 1, 'text'), r'given was str'),
    'another message': (
        lambda w: w.write('/a', 1, messages.header(1, 'x')),
        r'takes sensor_msgs/msg/Image .* given was std_msgs/msg/Header',
    ),
}


@pytest.mark.parametrize('name', WRONG_USE)
def test_wrong_use_is_refused_and_leaves_the_bag_sound(name: str, tmp_path: Path) -> None:
    use, text = WRONG_USE[name]
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/a', IMAGE)
        with pytest.raises(BagError, match=text):
            use(writer)
        writer.write('/a', 5, samples(1)[0].data)
    assert read(tmp_path / 'bag') == [('/a', 5, samples(1)[0].data)]


def test_a_wrong_field_is_refused_and_leaves_the_bag_sound(tmp_path: Path) -> None:
    bad = messages.header(1, 'x')
    bad.frame_id = 7
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/h', 'std_msgs/msg/Header')
        with pytest.raises(BagError, match='has a field that is wrong'):
            writer.write('/h', 1, bad)
    assert read(tmp_path / 'bag') == []


def test_a_closed_bag_takes_nothing_more(tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / 'bag')
    writer.add_topic('/a', IMAGE)
    writer.close()
    writer.close()
    with pytest.raises(BagError, match='is closed'):
        writer.write('/a', 1, b'')


def bag(path: Path) -> Path:
    return write_rosbag2(path / 'out', samples(2))


def with_stranger(path: Path) -> Path:
    made = bag(path)
    (made / 'notes.txt').write_text('precious')
    return made


def file(path: Path) -> Path:
    (path / 'out').write_text('precious')
    return path / 'out'


def link(path: Path) -> Path:
    bag(path).rename(path / 'real')
    (path / 'out').symlink_to(path / 'real')
    return path / 'out'


def with_link(path: Path) -> Path:
    made = bag(path)
    (path / 'real.mcap').write_text('precious')
    (made / 'b.mcap').symlink_to(path / 'real.mcap')
    return made


def below_file(path: Path) -> Path:
    return file(path) / 'bag'


TAKEN: dict[str, tuple[Callable[[Path], Path], bool, str]] = {
    'a bag': (bag, False, r'is there already; give another output, or --overwrite'),
    'a folder with something else': (with_stranger, True, r'no bag \(it holds notes.txt\)'),
    'a file': (file, True, r'is there already and is no bag folder'),
    'a link to a bag': (link, True, r'is there already and is no bag folder'),
    'a bag with a link': (with_link, True, r'it holds b.mcap'),
    'a place below a file': (below_file, True, r'cannot be made'),
}


@pytest.mark.parametrize('name', TAKEN)
def test_nothing_but_a_bag_is_replaced_and_only_if_told(name: str, tmp_path: Path) -> None:
    make, overwrite, text = TAKEN[name]
    path = make(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob('*') if p.is_file()}
    with pytest.raises(BagError, match=text):
        BagWriter(path, overwrite=overwrite)
    assert {p: p.read_bytes() for p in tmp_path.rglob('*') if p.is_file()} == before


def test_a_bag_is_replaced_if_told_and_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / 'empty').mkdir()
    for path, overwrite in ((bag(tmp_path), True), (tmp_path / 'empty', False)):
        with BagWriter(path, overwrite=overwrite) as writer:
            writer.add_topic('/a', STRING)
        assert read(path) == []


def test_a_bag_that_is_being_read_is_never_replaced(tmp_path: Path) -> None:
    path = bag(tmp_path)
    for place in (path, path / 'out.mcap'):
        with (
            BagReader(place) as reader,
            pytest.raises(BagError, match='is what is being read'),
        ):
            BagWriter(path, overwrite=True)
        assert reader.count == 3
    BagWriter(path, overwrite=True).close()


def test_an_error_in_the_block_leaves_a_readable_bag_and_is_not_hidden(tmp_path: Path) -> None:
    for kind in (ValueError, KeyboardInterrupt):
        path = tmp_path / kind.__name__

        def fail(path: Path = path, kind: type[BaseException] = kind) -> None:
            with BagWriter(path) as writer:
                writer.add_topic('/a', STRING)
                writer.write('/a', 1, numbered(0))
                raise kind('mine')

        with pytest.raises(kind, match='mine'):
            fail()
        assert read(path) == [('/a', 1, numbered(0))]


def test_an_interrupt_between_any_two_steps_tears_no_message(tmp_path: Path) -> None:
    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    counts = []
    try:
        for i in range(40):
            path = tmp_path / str(i)
            try:
                with BagWriter(path, buffer_bytes=200_000) as writer:
                    writer.add_topic('/a', STRING)
                    # Again after a while: what is raised in a callback of the collector is lost.
                    signal.setitimer(signal.ITIMER_REAL, 0.002 + 0.0003 * i, 0.5)
                    for number in range(10**6):
                        writer.write('/a', number, numbered(number))
            except KeyboardInterrupt:
                signal.setitimer(signal.ITIMER_REAL, 0)
            writer.close()
            got = read(path)
            assert got == [('/a', n, numbered(n)) for n in range(len(got))]
            assert len(got) - writer.counts['/a'] in (0, 1)
            counts.append(len(got))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert max(counts) > 10


def run(code: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    head = 'import os, resource, signal, sys\nfrom drivseg_ros.bags.writer import BagWriter\n'
    return subprocess.run(
        [sys.executable, '-c', head + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


WRITE = """
writer = BagWriter(sys.argv[1])
writer.add_topic('/a', 'std_msgs/msg/String')
for number in range(1000):
    writer.write('/a', number, b'\\0\\1\\0\\0' + (3001).to_bytes(4, 'little') + bytes(3001))
"""


def test_a_writer_that_is_forgotten_is_closed_at_the_end_of_the_program(tmp_path: Path) -> None:
    for name, ending in (('end', ''), ('error', 'raise ValueError'), ('exit', 'sys.exit(3)')):
        run(WRITE + ending, tmp_path / name)
        assert len(read(tmp_path / name)) == 1000


def test_after_sigkill_what_was_written_is_readable(tmp_path: Path) -> None:
    # Two megabytes of three: what the thread has not put into a full chunk is lost.
    code = WRITE + 'while writer.waiting_bytes: pass\nos.kill(os.getpid(), signal.SIGKILL)'
    assert run(code, tmp_path / 'bag').returncode == -signal.SIGKILL
    with BagReader(tmp_path / 'bag') as reader:
        times = [m.time_ns for m in reader.messages()]
        assert 'was not finished' in reader.unfinished
    assert times == list(range(len(times)))
    assert len(times) > 600


def test_a_full_disk_is_told_and_leaves_what_was_written(tmp_path: Path) -> None:
    limit = 'signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n'
    limit += 'resource.setrlimit(resource.RLIMIT_FSIZE, (2_500_000, 2_500_000))\n'
    ended = run(limit + WRITE + 'writer.close()\n', tmp_path / 'bag')
    assert ended.returncode == 1
    assert 'BagError' in ended.stderr
    assert 'cannot be written' in ended.stderr
    with BagReader(tmp_path / 'bag') as reader:
        times = [m.time_ns for m in reader.messages()]
    assert times == list(range(len(times)))
    assert len(times) > 300
