# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags are as `ros2 bag record` writes them."""

from __future__ import annotations

import re
import sqlite3
import struct
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import yaml
from bag_files import IMAGE, STRING, Cdr, samples

from drivseg_ros.bags.qos import LATCHED, TopicQos
from drivseg_ros.bags.writer import STORAGES, BagWriter


def numbered(number: int, size: int = 3000) -> bytes:
    return Cdr().string(f'{number:08d}'.ljust(size, '.')).done()


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
