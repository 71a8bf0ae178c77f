# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a rosbag2 folder as `ros2 bag record` names and fills them, on rosbags' writer."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rosbags.interfaces import ConnectionExtRosbag2
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.metadata import dump_qos_v9
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Writer
from ruamel.yaml import YAML

from drivseg_ros.bags.mcap_file import McapFile


def ros_distribution() -> str:
    """The ROS distribution that a bag is recorded with; '' without ROS, as rosbag2 has it."""
    return os.environ.get('ROS_DISTRO', '')


class Db3File(Sqlite3Writer):
    """A .db3 file that is being written: a storage for the writer of rosbags.

    Args:
        folder: the bag's folder; the file is called after it, with the number 0.
        compression: of rosbags; there is none.
    """

    def __init__(self, folder: Path, compression: Any) -> None:
        # Not that of rosbags, which would make a file of another name.
        self.path = folder / f'{folder.name}_0.db3'
        self.conn = sqlite3.connect(self.path)
        self.conn.executescript(self.SQLITE_SCHEMA)
        self.conn.execute('UPDATE schema SET ros_distro = ?', (ros_distribution(),))
        self.conn.commit()
        self.cursor = self.conn.cursor()


class FolderWriter(Writer):
    """rosbags' writer of folders, with our files and a true ros_distro."""

    STORAGE_PLUGINS: Mapping[StoragePlugin, Any] = MappingProxyType(
        {StoragePlugin.MCAP: McapFile, StoragePlugin.SQLITE3: Db3File}
    )

    def close(self) -> None:
        """Ends the storage and writes metadata.yaml."""
        assert self.storage is not None
        span = {
            'starting_time': {'nanoseconds_since_epoch': self.min_timestamp},
            'duration': {'nanoseconds': max(0, self.max_timestamp - self.min_timestamp)},
            'message_count': sum(self.counts.values()),
        }
        name = self.storage.path.name
        topics = []
        for connection in self.connections:
            extension = connection.ext
            assert isinstance(extension, ConnectionExtRosbag2)
            about = {
                'name': connection.topic,
                'type': connection.msgtype,
                'serialization_format': extension.serialization_format,
                'offered_qos_profiles': dump_qos_v9(extension.offered_qos_profiles),
                'type_description_hash': connection.digest,
            }
            count = self.counts[connection.id]
            topics.append({'topic_metadata': about, 'message_count': count})
        information = {
            'version': self.version,
            'storage_identifier': self.storage_plugin.name.lower(),
            **span,
            'topics_with_message_count': topics,
            'compression_format': '',
            'compression_mode': '',
            'relative_file_paths': [name],
            'files': [{'path': name, **span}],
            'custom_data': self.custom_data or None,
            'ros_distro': ros_distribution(),
        }
        self.storage.close(self.version, _yaml(information))
        self.storage = None
        partial = self.metapath.with_suffix('.yaml.tmp')
        partial.write_text(_yaml({'rosbag2_bagfile_information': information}), 'utf8')
        partial.replace(self.metapath)


def _yaml(content: dict[str, Any]) -> str:
    yaml = YAML(typ='safe')
    yaml.default_flow_style = False
    text = StringIO()
    yaml.dump(content, text)
    return text.getvalue()
