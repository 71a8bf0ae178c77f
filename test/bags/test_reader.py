# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bag_files import IMAGE, START_NS, Sample, image_sample, samples, write_rosbag1, write_rosbag2

from drivseg_ros.bags.qos import LATCHED, TopicQos, to_rosbags
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.errors import BagError
from drivseg_ros.images.codec import decode_image


def folder(**options: object) -> Callable[[Path, list[Sample]], Path]:
    return lambda path, messages: write_rosbag2(path / 'bag', messages, **options)  # type: ignore[arg-type]


def file_of(storage: str) -> Callable[[Path, list[Sample]], Path]:
    def make(path: Path, messages: list[Sample]) -> Path:
        (made,) = write_rosbag2(path / 'bag', messages, storage=storage).glob('bag.*')
        return made.rename(path / f'alone{made.suffix}')

    return make


def without_metadata(storage: str) -> Callable[[Path, list[Sample]], Path]:
    def make(path: Path, messages: list[Sample]) -> Path:
        made = write_rosbag2(path / 'bag', messages, storage=storage)
        (made / 'metadata.yaml').unlink()
        return made

    return make


def split(path: Path, messages: list[Sample]) -> Path:
    """Two files of one recording, whose names only natural order puts right."""
    half = len(messages) // 2
    made = path / 'bag'
    made.mkdir()
    for name, part in (('bag_2', messages[:half]), ('bag_10', messages[half:])):
        write_rosbag2(path / name, part)
        (path / name / f'{name}.mcap').rename(made / f'{name}.mcap')
    return made


def ros1(compression: str) -> Callable[[Path, list[Sample]], Path]:
    return lambda path, messages: write_rosbag1(path / 'a.bag', messages, compression=compression)


FORMATS = {
    'mcap': (folder(), 'rosbag2'),
    'mcap, QoS by number': (folder(version=8), 'rosbag2'),
    'mcap, zstd chunks': (folder(compression='storage'), 'rosbag2'),
    'mcap, file zstd': (folder(compression='file'), 'rosbag2'),
    'mcap, message zstd': (folder(compression='message'), 'rosbag2'),
    'sqlite3': (folder(storage='sqlite3'), 'rosbag2'),
    'sqlite3, file zstd': (folder(storage='sqlite3', compression='file'), 'rosbag2'),
    'sqlite3, message zstd': (folder(storage='sqlite3', compression='message'), 'rosbag2'),
    'one .mcap': (file_of('mcap'), 'mcap'),
    'one .db3': (file_of('sqlite3'), 'sqlite3'),
    'ROS 1': (ros1('none'), 'ros1'),
    'ROS 1, bz2': (ros1('bz2'), 'ros1'),
    'ROS 1, lz4': (ros1('lz4'), 'ros1'),
}


@pytest.mark.parametrize('name', FORMATS)
def test_every_format_gives_the_same_messages(name: str, tmp_path: Path) -> None:
    make, storage = FORMATS[name]
    wanted = samples(5)
    with BagReader(make(tmp_path, wanted)) as reader:
        assert reader.storage == storage
        assert reader.unfinished == ''
        assert {n: (t.msgtype, t.count) for n, t in reader.topics.items()} == {
            '/cam/image_raw': (IMAGE, 5),
            '/note': ('std_msgs/msg/String', 2),
        }
        assert (reader.start_ns, reader.end_ns) == (wanted[0].time_ns, wanted[-1].time_ns)
        assert reader.duration_s == pytest.approx(0.2, abs=0.1)
        got = list(reader.messages())
        assert [(m.topic, m.msgtype, m.time_ns) for m in got] == [
            (s.topic, s.msgtype, s.time_ns) for s in wanted
        ]
        assert [m.data for m in got] == [s.data for s in wanted]
        assert [m.header_stamp_ns for m in got] == [s.stamp_ns for s in wanted]
        assert got[2].message.data == 'note 1'
        image = got[0].message
        assert (image.header.frame_id, image.encoding, image.step) == ('cam', 'rgb8', 48)
        seconds, nanoseconds = image.header.stamp.sec, image.header.stamp.nanosec
        assert seconds * 10**9 + nanoseconds == START_NS + 123
        expected = np.random.default_rng(0).integers(0, 256, 12 * 16 * 3, np.uint8)
        assert (decode_image(image) == expected.reshape(12, 16, 3)).all()


@pytest.mark.parametrize('make', [without_metadata('mcap'), without_metadata('sqlite3'), split])
def test_a_folder_without_metadata_is_read_and_said_to_be_unfinished(
    make: Callable[[Path, list[Sample]], Path], tmp_path: Path
) -> None:
    wanted = samples(6)
    with BagReader(make(tmp_path, wanted)) as reader:
        assert 'metadata.yaml' in reader.unfinished
        assert [m.data for m in reader.messages()] == [s.data for s in wanted]


def test_message_compression_is_seen_without_metadata(tmp_path: Path) -> None:
    made = write_rosbag2(tmp_path / 'bag', samples(3), compression='message')
    (made / 'metadata.yaml').unlink()
    with BagReader(made) as reader:
        assert [m.data for m in reader.messages()] == [s.data for s in samples(3)]


def test_topics_are_chosen_and_messages_read_again(tmp_path: Path) -> None:
    with BagReader(write_rosbag2(tmp_path / 'bag', samples(4))) as reader:
        for _ in range(2):
            assert {m.topic for m in reader.messages(['/note'])} == {'/note'}
            assert len(list(reader.messages(['/note']))) == 2
        assert list(reader.messages([])) == []


def test_messages_out_of_order_in_the_file_come_in_order_of_time(tmp_path: Path) -> None:
    wanted = [image_sample(i, width=200) for i in (3, 0, 2, 1)]
    with BagReader(write_rosbag2(tmp_path / 'bag', wanted)) as reader:
        times = [m.time_ns for m in reader.messages()]
    assert times == sorted(s.time_ns for s in wanted)


def test_the_offered_qos_is_told(tmp_path: Path) -> None:
    offers = [TopicQos('best_effort', 'volatile', 3), LATCHED]
    for version in (8, 9):
        for storage in ('mcap', 'sqlite3'):
            made = write_rosbag2(
                tmp_path / f'{storage}{version}',
                samples(1),
                storage=storage,
                version=version,
                qos=[to_rosbags(q) for q in offers],
            )
            with BagReader(made) as reader:
                assert reader.topics['/cam/image_raw'].qos == tuple(offers)
    with BagReader(write_rosbag1(tmp_path / 'a.bag', samples(3))) as reader:
        assert reader.topics['/note'].qos == (LATCHED,)
        assert reader.topics['/cam/image_raw'].qos == ()


def test_types_of_bags_without_definitions_are_the_standard_ones(tmp_path: Path) -> None:
    made = write_rosbag2(tmp_path / 'bag', samples(2), storage='sqlite3')
    with sqlite3.connect(made / 'bag.db3') as database:
        database.execute('DELETE FROM message_definitions')
        database.execute("UPDATE topics SET type = 'our_msgs/msg/Note' WHERE name = '/note'")
    text = (made / 'metadata.yaml').read_text()
    (made / 'metadata.yaml').write_text(text.replace('std_msgs/msg/String', 'our_msgs/msg/Note'))
    with BagReader(made) as reader:
        first, _, note = reader.messages()
        assert first.message.width == 16
        assert note.data == samples(2)[2].data
        with pytest.raises(BagError, match=r'no definition of message type .our_msgs/msg/Note.'):
            _ = note.message


def test_a_ros1_type_with_another_layout_keeps_its_own_fields(tmp_path: Path) -> None:
    from rosbags import rosbag1
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    text = 'std_msgs/Header header\nfloat32 speed\nuint8 gear\n'
    store = get_typestore(Stores.ROS1_NOETIC)
    store.register(get_types_from_msg(text, 'car_msgs/msg/Speed'))
    header = store.types['std_msgs/msg/Header']
    stamp = store.types['builtin_interfaces/msg/Time'](12, 34)
    message = store.types['car_msgs/msg/Speed'](header(9, stamp, 'base'), 2.5, 3)
    with rosbag1.Writer(tmp_path / 'a.bag') as writer:
        connection = writer.add_connection('/speed', 'car_msgs/msg/Speed', typestore=store)
        writer.write(connection, 1, store.serialize_ros1(message, 'car_msgs/msg/Speed'))
    with BagReader(tmp_path / 'a.bag') as reader:
        (read,) = reader.messages()
        assert (read.message.speed, read.message.gear) == (2.5, 3)
        assert read.message.header.frame_id == 'base'
        assert read.header_stamp_ns == 12 * 10**9 + 34
        assert 'seq' not in reader.topics['/speed'].definition.text


def broken(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
        return path / name

    return make


def unindexed(path: Path) -> Path:
    whole = write_rosbag1(path / 'a.bag', samples(5)).read_bytes()
    (path / 'cut.bag').write_bytes(whole[: len(whole) // 2])
    return path / 'cut.bag'


def strange_metadata(path: Path) -> Path:
    (path / 'bag').mkdir()
    (path / 'bag' / 'metadata.yaml').write_text('rosbag2_bagfile_information:\n  version: 99\n')
    return path / 'bag'


def empty_folder(path: Path) -> Path:
    (path / 'nothing').mkdir()
    return path / 'nothing'


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    'not there': (lambda path: path / 'none', r'no bag at .*none.; allowed: a rosbag2 folder'),
    'an image': (broken('a.png', b'\x89PNG'), r'no bag that is known here; allowed:'),
    'a metadata file': (broken('b/metadata.yaml', b''), r'did you mean its folder .*b'),
    'a folder of pictures': (
        lambda path: broken('b/1.jpg', b'')(path).parent,
        r'no metadata.yaml and no .mcap or .db3 file but 1.jpg',
    ),
    'an empty folder': (empty_folder, r'but nothing; allowed'),
    'metadata from the future': (
        strange_metadata,
        r'is not that of a bag: it has no .relative_file',
    ),
    'an empty .mcap': (broken('a.mcap', b''), r'is empty; its recorder ended before'),
    'an empty .db3': (broken('a.db3', b''), r'is empty; its recorder ended before'),
    'no .mcap inside': (broken('a.mcap', b'x' * 100), r'no MCAP file'),
    'no .db3 inside': (broken('a.db3', b'x' * 100), r'cannot be read as a bag'),
    'no .bag inside': (broken('a.bag', b'x' * 100), r'a.bag. cannot be read'),
    'a cut .bag': (unindexed, r'cut.bag. cannot be read: .*'),
}


@pytest.mark.parametrize('name', REFUSED)
def test_what_is_no_bag_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    make, text = REFUSED[name]
    with pytest.raises(BagError, match=text):
        BagReader(make(tmp_path))


def test_a_missing_topic_is_refused_at_once_and_those_there_are_listed(tmp_path: Path) -> None:
    with (
        BagReader(write_rosbag2(tmp_path / 'bag', samples(2))) as reader,
        pytest.raises(BagError, match=r"no topic '/cam'; it has /cam/image_raw \(.*\), /note"),
    ):
        reader.messages(['/cam'])


def test_damage_in_the_middle_is_a_bag_error(tmp_path: Path) -> None:
    made = write_rosbag2(tmp_path / 'bag', samples(40, width=4000), compression='storage')
    whole = bytearray((made / 'bag.mcap').read_bytes())
    whole[2_500_000:4_000_000] = bytes(1_500_000)  # at least one head of a chunk
    (made / 'bag.mcap').write_bytes(whole)
    with BagReader(made) as reader:
        messages = reader.messages()
        with pytest.raises(BagError, match=r'is damaged: after \d+ messages'):
            list(messages)


def test_bytes_that_are_no_such_message_are_a_bag_error(tmp_path: Path) -> None:
    good = samples(1)[0]
    short = Sample(good.topic, good.msgtype, good.time_ns, good.data[:30], None, b'')
    with BagReader(write_rosbag2(tmp_path / 'bag', [short])) as reader:
        (message,) = reader.messages()
        with pytest.raises(BagError, match=r'/cam/image_raw at \d+ ns is no sensor_msgs/msg/Image'):
            _ = message.message


def test_an_empty_bag_has_topics_and_no_time(tmp_path: Path) -> None:
    from rosbags import rosbag2
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    for plugin in rosbag2.StoragePlugin:
        made = tmp_path / plugin.name
        with rosbag2.Writer(made, version=9, storage_plugin=plugin) as writer:
            writer.add_connection('/a', IMAGE, typestore=store)
        with BagReader(made) as reader:
            assert (reader.count, reader.start_ns, reader.duration_s) == (0, 0, 0.0)
            assert list(reader.topics) == ['/a']
            assert list(reader.messages()) == []


def test_a_reader_can_be_closed_twice_and_its_files_moved(tmp_path: Path) -> None:
    made = write_rosbag2(tmp_path / 'bag', samples(2))
    reader = BagReader(made)
    reader.close()
    reader.close()
    shutil.move(made, tmp_path / 'elsewhere')
