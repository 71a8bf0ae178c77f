# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags written by rosbags, not by us, with messages serialised by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rosbags import rosbag1, rosbag2
from rosbags.interfaces import Qos
from rosbags.typesys import Stores, get_typestore

IMAGE = 'sensor_msgs/msg/Image'
STRING = 'std_msgs/msg/String'
START_NS = 1_600_000_000_000_000_000


@dataclass(frozen=True)
class Sample:
    """One message and what it says."""

    topic: str
    msgtype: str
    time_ns: int
    data: bytes
    stamp_ns: int | None
    ros1: bytes


class Cdr:
    """Little-endian CDR, written field by field (OMG DDSI-RTPS, 10.2; plain CDR)."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def number(self, form: str, value: int | float) -> Cdr:
        self._bytes += b'\0' * (-len(self._bytes) % struct.calcsize(form))
        self._bytes += struct.pack(f'<{form}', value)
        return self

    def string(self, text: str) -> Cdr:
        self.number('I', len(text) + 1)
        self._bytes += text.encode() + b'\0'
        return self

    def octets(self, data: bytes) -> Cdr:
        self.number('I', len(data))
        self._bytes += data
        return self

    def done(self) -> bytes:
        return b'\0\1\0\0' + bytes(self._bytes)


def image_sample(number: int, *, width: int = 16, height: int = 12) -> Sample:
    """An rgb8 image whose bag time is 7 us after its stamp."""
    pixels = np.random.default_rng(number).integers(0, 256, height * width * 3, np.uint8).tobytes()
    stamp = START_NS + number * 50_000_000 + 123
    seconds, nanoseconds = divmod(stamp, 10**9)
    cdr = Cdr().number('i', seconds).number('I', nanoseconds).string('cam')
    cdr.number('I', height).number('I', width).string('rgb8').number('B', 0)
    cdr.number('I', 3 * width).octets(pixels)
    # ROS 1: no padding, no terminating zeros, a sequence number in front.
    ros1 = struct.pack('<IIII', number, seconds, nanoseconds, 3) + b'cam'
    ros1 += struct.pack('<III', height, width, 4) + b'rgb8\0'
    ros1 += struct.pack('<II', 3 * width, len(pixels)) + pixels
    return Sample('/cam/image_raw', IMAGE, stamp + 7000, cdr.done(), stamp, ros1)


def text_sample(number: int, text: str) -> Sample:
    """A string."""
    ros1 = struct.pack('<I', len(text)) + text.encode()
    time_ns = START_NS + number * 50_000_000 + 20_000_000
    return Sample('/note', STRING, time_ns, Cdr().string(text).done(), None, ros1)


def samples(count: int = 5, *, width: int = 16) -> list[Sample]:
    """Images, and a note after every second."""
    made = []
    for i in range(count):
        made.append(image_sample(i, width=width))
        if i % 2:
            made.append(text_sample(i, f'note {i}'))
    return made


def write_rosbag2(
    path: Path,
    messages: Sequence[Sample],
    *,
    storage: str = 'mcap',
    compression: str = 'none',
    version: int = 9,
    qos: Sequence[Qos] = (),
) -> Path:
    """A rosbag2 folder; compression 'none', 'file', 'message' or 'storage'."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    writer = rosbag2.Writer(
        path, version=version, storage_plugin=rosbag2.StoragePlugin[storage.upper()]
    )
    writer.set_compression(
        rosbag2.CompressionMode[compression.upper()], rosbag2.CompressionFormat.ZSTD
    )
    with writer:
        connections = {}
        for message in messages:
            if message.topic not in connections:
                connections[message.topic] = writer.add_connection(
                    message.topic, message.msgtype, typestore=store, offered_qos_profiles=qos
                )
            writer.write(connections[message.topic], message.time_ns, message.data)
    return path


def write_rosbag1(path: Path, messages: Sequence[Sample], *, compression: str = 'none') -> Path:
    """A ROS 1 bag; /note is latched."""
    store = get_typestore(Stores.ROS1_NOETIC)
    writer = rosbag1.Writer(path)
    if compression != 'none':
        writer.set_compression(rosbag1.Writer.CompressionFormat[compression.upper()])
    with writer:
        connections = {}
        for message in messages:
            if message.topic not in connections:
                connections[message.topic] = writer.add_connection(
                    message.topic,
                    message.msgtype,
                    typestore=store,
                    latching=int(message.topic == '/note'),
                )
            writer.write(connections[message.topic], message.time_ns, message.ros1)
    return path
