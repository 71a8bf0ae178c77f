# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the metadata.yaml of a rosbag2 folder announces, and where its storage says otherwise.

It may be edited, or kept while its storage was converted or cut, so nothing is read by it but which
files there are, and in which order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from rosbags.rosbag2.metadata import parse_qos

from drivseg_ros.bags.qos import TopicQos, from_rosbags
from drivseg_ros.bags.sources import Channel
from drivseg_ros.bags.typestore import ros2_name
from drivseg_ros.base.text_file import read_text
from drivseg_ros.base.yaml_data import is_tame, load_yaml
from drivseg_ros.errors import BagError

METADATA = 'metadata.yaml'
_KEY = 'rosbag2_bagfile_information'
# A file of a recording that was split is some hundred bytes; custom_data may be long.
_MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class FolderMetadata:
    """What is announced.

    Attributes:
        files: names of the storage files, in order, without folders.
        compression: of single messages: '' or 'zstd'.
        topics: message type and offered QoS by topic.
        counts: messages by topic.
    """

    files: tuple[str, ...]
    compression: str = ''
    topics: Mapping[str, tuple[str, frozenset[TopicQos]]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    def differences(self, channels: Iterable[Channel]) -> str:
        """Where the storage says otherwise: '' or what differs, by topic."""
        stored: Counter[str] = Counter()
        known: dict[str, tuple[set[str], set[TopicQos]]] = {}
        for channel in channels:
            stored[channel.topic] += channel.count
            types, qos = known.setdefault(channel.topic, (set(), set()))
            types.add(channel.msgtype)
            qos.update(channel.qos)
        found = []
        for topic in sorted({*self.topics, *known}):
            if topic not in known:
                # rosbag2 announces topics of which nothing was recorded.
                found += [f'{topic} is not in it'] if self.counts[topic] else []
                continue
            if topic not in self.topics:
                found.append(f'{topic} is not announced')
                continue
            types, qos = known[topic]
            msgtype, offered = self.topics[topic]
            if msgtype not in types:
                found.append(f'{topic} is {"/".join(sorted(types))}, not {msgtype}')
            if stored[topic] != self.counts[topic]:
                found.append(f'{topic} has {stored[topic]} messages, not {self.counts[topic]}')
            if qos and offered and qos != offered:
                found.append(f'{topic} was offered with another QoS')
        return '; '.join(found)


def read_folder_metadata(folder: Path) -> FolderMetadata:
    """What the metadata.yaml of a folder announces.

    Args:
        folder: a rosbag2 folder with a metadata.yaml.

    Raises:
        BagError: if it cannot be read, or names no files.
    """
    what = f"'{folder / METADATA}'"
    text = read_text(folder / METADATA, 'metadata of a bag', max_bytes=_MAX_BYTES, error=BagError)
    try:
        content = load_yaml(text)
    except ValueError as error:
        raise BagError(f'{what} {error}') from None
    try:
        return _announced(content[_KEY])
    except KeyError as error:
        raise BagError(f'{what} is not that of a bag: it has no {error}') from None
    except (TypeError, ValueError, AttributeError) as error:
        raise BagError(f'{what} is not that of a bag: {error}') from None


def _announced(information: Any) -> FolderMetadata:
    files = tuple(PurePosixPath(_text(f)).name for f in information['relative_file_paths'])
    form = _text(information.get('compression_format') or '')
    by_message = _text(information.get('compression_mode') or '').lower() == 'message'
    topics: dict[str, tuple[str, frozenset[TopicQos]]] = {}
    counts: Counter[str] = Counter()
    for entry in information.get('topics_with_message_count') or ():
        about = entry['topic_metadata']
        name, msgtype = _text(about['name']), ros2_name(_text(about['type']))
        if name in topics and topics[name][0] != msgtype:
            msgtype = topics[name][0]
        qos = frozenset(_qos(about.get('offered_qos_profiles')))
        topics[name] = (msgtype, qos | topics.get(name, ('', frozenset()))[1])
        counts[name] += int(entry['message_count'])
    return FolderMetadata(files, form if by_message else '', topics, counts)


def _text(value: Any) -> str:
    """A scalar as text; of aliases of lists of aliases, a text would be gigabytes."""
    if not isinstance(value, (str, int, float)):
        raise ValueError(f'it has a {type(value).__name__} where a text belongs')
    return str(value)


def _qos(offered: Any) -> list[TopicQos]:
    """The offers, as YAML or as a text of YAML; none if they are damaged."""
    try:
        if isinstance(offered, str) and not is_tame(offered):
            return []
        return [from_rosbags(q) for q in parse_qos(offered or [])]
    except Exception:  # rosbags raises whatever a damaged text provokes; the storage has them, too
        return []
