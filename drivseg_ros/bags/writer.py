# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""BagWriter: rosbag2 folders that are readable however the program that writes them ends."""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin
from rosbags.typesys.store import Typestore

from drivseg_ros.bags.handover import Handover
from drivseg_ros.bags.qos import TopicQos, to_rosbags
from drivseg_ros.bags.reader import is_being_read
from drivseg_ros.bags.rosbag2_files import FolderWriter
from drivseg_ros.bags.typestore import TypeDefinition, define, standard_types, store_from_text
from drivseg_ros.errors import BagError, ParameterError

_BAG_FILES = ('.mcap', '.db3', '.db3-wal', '.db3-shm', '.db3-journal', '.mcap.zstd', '.db3.zstd')
# Metadata version of Jazzy and Kilted: QoS as a YAML list with names (rosbag2, bag_metadata.hpp).
_VERSION: Literal[9] = 9
_LOOK_S = 0.2

STORAGES = ('mcap', 'sqlite3')


class BagWriter:
    """Writes a rosbag2 folder (metadata.yaml + mcap or db3) as Jazzy and Kilted read it.

    A thread of its own does the writing. So a Ctrl-C, which Python delivers to the main thread
    between any two steps, can never strike half-way through a record: a message is in the bag
    whole or not at all, and ``close`` (or leaving the ``with`` block, by whatever way) ends the
    bag properly. If the process is killed by SIGKILL, the mcap file without its index and without
    the last, at most 1 MB large chunk is left, which BagReader reads and 'ros2 bag reindex' mends;
    of sqlite3, which is one transaction until it is closed, nothing is left then.

    Args:
        path: the folder to make.
        overwrite: replace a bag that is there. Nothing but a bag is ever deleted.
        buffer_bytes: what may wait for the disk before ``write`` waits too.
        storage: 'mcap' or 'sqlite3'.
        custom_data: texts that go into the metadata as its ``custom_data``.

    Attributes:
        path: the folder.
        counts: messages handed to ``write`` by topic.

    Raises:
        BagError: if the path is taken or cannot be written to.
        ParameterError: if there is no such storage.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        buffer_bytes: int = 64_000_000,
        storage: str = 'mcap',
        custom_data: Mapping[str, str] | None = None,
    ) -> None:
        check_storage(storage)
        self.path = Path(path)
        self.counts: dict[str, int] = {}
        self._definitions: dict[str, TypeDefinition] = {}
        self._stores: dict[str, Typestore] = {}
        self._failure: Exception | None = None
        self._closed = False
        _make_way(self.path, overwrite=overwrite)
        plugin = StoragePlugin[storage.upper()]
        self._writer = FolderWriter(self.path, version=_VERSION, storage_plugin=plugin)
        for key, value in (custom_data or {}).items():
            self._writer.set_custom_data(key, value)
        self._connections: dict[str, Connection] = {}
        self._jobs: Handover[Callable[[], Any] | None] = Handover(buffer_bytes)
        # Not a daemon: even a second Ctrl-C, during close, lets it finish the file.
        self._thread = threading.Thread(target=self._work, name='bag writer')
        self._opened = threading.Event()
        self._thread.start()
        self._opened.wait()
        if self._failure is not None:
            self._closed = True
            raise BagError(f"bag '{self.path}' cannot be made: {self._failure}") from self._failure

    @property
    def waiting_bytes(self) -> int:
        """Bytes that are not on the disk yet."""
        return self._jobs.waiting_bytes

    def add_topic(
        self,
        name: str,
        msgtype: str,
        *,
        qos: TopicQos | Sequence[TopicQos] | None = None,
        definition: TypeDefinition | None = None,
    ) -> None:
        """Adds a topic.

        Args:
            name: its name, e.g. '/camera/image_raw'.
            msgtype: its type, e.g. 'sensor_msgs/msg/Image'.
            qos: what its publishers offer; reliable, volatile, depth 10 unless given.
            definition: the type's definition, for types that are not in common_interfaces;
                ``BagReader.topics[...].definition`` gives it when a topic is copied.

        Raises:
            BagError: if the topic is there already or the type is unknown.
        """
        self._check_open()
        if name in self._definitions:
            raise BagError(f"topic '{name}' is in bag '{self.path}' already; add each once")
        if definition is not None and definition.msgtype != msgtype:
            raise BagError(
                f"topic '{name}' is {msgtype} but the definition given is {definition.msgtype}'s"
            )
        known = definition or define(standard_types(), msgtype)
        offers = (qos,) if isinstance(qos, TopicQos) else tuple(qos or (TopicQos(),))

        def add() -> None:
            self._connections[name] = self._writer.add_connection(
                name,
                msgtype,
                msgdef=known.text,
                rihs01=known.hash,
                offered_qos_profiles=[to_rosbags(q) for q in offers],
            )

        self._definitions[name] = known
        if definition is None:
            self._stores[name] = standard_types()
        self.counts[name] = 0
        self._jobs.put(add, 0)

    def write(self, topic: str, time_ns: int, message: Any) -> None:
        """Writes a message.

        Args:
            topic: a topic that was added.
            time_ns: bag time in nanoseconds.
            message: CDR bytes, which are kept byte for byte, or a message as rosbags makes them
                (``drivseg_ros.bags.messages``). The message must not be changed afterwards.

        Raises:
            BagError: if the topic is unknown, the message is of another type, the disk is full,
                or the bag is closed.
        """
        self._check_open()
        if topic not in self._definitions:
            there = ', '.join(self._definitions) or 'none'
            raise BagError(f"topic '{topic}' was not added to bag '{self.path}'; there: {there}")
        if not 0 <= time_ns < 2**63:
            raise BagError(f'time {time_ns} ns of a message on {topic} is out of range; 0 to 2^63')
        data = self._serialise(topic, message)

        def write() -> None:
            self._writer.write(self._connections[topic], time_ns, data)

        self._jobs.put(write, len(data), give_up=lambda: self._failure is not None)
        self._check_open()
        self.counts[topic] += 1

    def close(self) -> None:
        """Waits until all is written and ends the bag; a second call does nothing.

        Raises:
            BagError: if something could not be written.
        """
        if not self._closed:
            self._jobs.put(None, 0)
            self._closed = True
        self._thread.join()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise self._error(failure)

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except BagError:
            if error is None:
                raise
            # The error that ended the block is the one to report.

    def _serialise(self, topic: str, message: Any) -> bytes | memoryview:
        definition = self._definitions[topic]
        msgtype = definition.msgtype
        if isinstance(message, bytes):
            return message
        if isinstance(message, (bytearray, memoryview)):
            return bytes(message)
        given = getattr(message, '__msgtype__', None)
        if given != msgtype:
            raise BagError(
                f"topic '{topic}' takes {msgtype} as CDR bytes or a rosbags message; given was "
                f'{given or type(message).__name__} (serialise rclpy messages first)'
            )
        if topic not in self._stores:
            self._stores[topic] = store_from_text(definition.text, msgtype)
        try:
            return self._stores[topic].serialize_cdr(message, msgtype)
        except Exception as error:  # the serialiser raises whatever wrong fields provoke
            raise BagError(f'a {msgtype} for {topic} has a field that is wrong: {error}') from error

    def _work(self) -> None:
        try:
            self._writer.open()  # here, for SQLite is loyal to the thread that opened it
        except Exception as error:  # rosbags: its own, or the operating system's
            self._failure = error
            return
        finally:
            self._opened.set()
        while True:
            try:
                job = self._jobs.get(_LOOK_S)
            except queue.Empty:
                # An interrupt that struck before close could ask for the end, or a forgotten close.
                if threading.main_thread().is_alive():
                    continue
                break
            if job is None:
                break
            if self._failure is None:
                try:
                    job()
                except Exception as error:  # raised to the caller of the next write, or of close
                    self._failure = error
        try:
            self._writer.close()
        except Exception as error:  # as above
            self._failure = self._failure or error
            with suppress(Exception):  # on a full disk it fails once more
                self._writer.abort()

    def _check_open(self) -> None:
        if self._closed:
            raise BagError(f"bag '{self.path}' is closed; nothing more can be written to it")
        if self._failure is not None:
            raise self._error(self._failure)

    def _error(self, failure: Exception) -> BagError:
        error = BagError(f"bag '{self.path}' cannot be written: {failure}")
        error.__cause__ = failure
        return error


def check_storage(storage: str) -> None:
    """Refuses a storage that is not written.

    Raises:
        ParameterError: if it is none of STORAGES.
    """
    if storage not in STORAGES:
        raise ParameterError(
            f'the storage {storage!r} is not written; allowed: {", ".join(STORAGES)}'
        )


def _make_way(path: Path, *, overwrite: bool) -> None:
    """Deletes a bag that is in the way if that is wanted, and refuses anything else."""
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_dir() or path.is_symlink():
        raise BagError(f"'{path}' is there already and is no bag folder; give another output")
    entries = list(path.iterdir())
    if not entries:
        path.rmdir()
        return
    others = [e.name for e in entries if not _is_bag_file(e)]
    if others:
        raise BagError(
            f"folder '{path}' is there already and is no bag (it holds {others[0]}); "
            'nothing but a bag is ever replaced, give another output'
        )
    if not overwrite:
        raise BagError(f"bag '{path}' is there already; give another output, or --overwrite")
    if is_being_read(path):
        raise BagError(f"bag '{path}' is what is being read; give another output")
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise BagError(f"bag '{path}' cannot be replaced: {error}") from error


def _is_bag_file(path: Path) -> bool:
    named = path.name in ('metadata.yaml', 'metadata.yaml.tmp') or path.name.endswith(_BAG_FILES)
    return named and path.is_file() and not path.is_symlink()
