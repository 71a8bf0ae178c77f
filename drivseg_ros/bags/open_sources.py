# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds out what kind of bag a path is and opens it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from rosbags import rosbag1, rosbag2

from drivseg_ros.bags.expansion import expand_file
from drivseg_ros.bags.folder_metadata import METADATA, FolderMetadata, read_folder_metadata
from drivseg_ros.bags.scanned_mcap import ScannedMcap, index_is_damaged
from drivseg_ros.bags.sources import RosbagsSource, Source
from drivseg_ros.bags.unfinished_db3 import UnfinishedDb3, has_journal, refuse_cut, refuse_views
from drivseg_ros.base.natural import natural_key
from drivseg_ros.errors import BagError

_KINDS = {'.mcap': 'mcap', '.db3': 'sqlite3', '.bag': 'ros1'}
_COMPRESSED = '.zstd'
_ALLOWED = 'allowed: a rosbag2 folder, a .mcap or .db3 file, a ROS 1 .bag file'


@dataclass(frozen=True)
class OpenedBag:
    """An open bag.

    Attributes:
        sources: its storages, in order.
        storage: 'rosbag2', 'mcap', 'sqlite3' or 'ros1'.
        unfinished: '' or what is wrong with it.
        note: '' or where its metadata and its storage differ.
        expanded: the folder of its expanded files, which is deleted when it is closed.
    """

    sources: list[Source]
    storage: str
    unfinished: str = ''
    note: str = ''
    expanded: ExitStack = field(default_factory=ExitStack)


def open_sources(path: Path) -> OpenedBag:
    """Opens a bag of any kind.

    Raises:
        BagError: if there is no bag at the path, or nothing in it can be read.
    """
    if not path.exists():
        raise BagError(f"there is no bag at '{path}'; {_ALLOWED}")
    if not os.access(path, os.R_OK):
        raise BagError(f"bag '{path}' may not be read by this user; change its permissions")
    if path.is_dir():
        return _open_folder(path)
    _refuse_special(path)
    kind = _KINDS.get(path.suffix)
    if kind is None:
        hint = f"; did you mean its folder '{path.parent}'?" if path.name == METADATA else ''
        raise BagError(f"'{path}' is no bag that is known here{hint}; {_ALLOWED}")
    if kind == 'ros1':
        return OpenedBag([_or_refuse(lambda p: RosbagsSource(rosbag1.Reader(p)), path)], kind)
    source, trouble = _open_file(path)
    return OpenedBag([source], kind, trouble)


def _refuse_special(path: Path) -> None:
    """Refuses a pipe or device, of which reading might never end."""
    if not path.is_file():
        raise BagError(f"'{path}' is no file, but a pipe, device or folder; {_ALLOWED}")


def _open_folder(path: Path) -> OpenedBag:
    """A folder by its storage; metadata.yaml only says which files belong to it."""
    there = {file.name: file for file in path.iterdir()}
    for file in there.values():
        if file.name == METADATA or file.suffix in (*_KINDS, _COMPRESSED):
            _refuse_special(file)
    metadata = None
    troubles = []
    if METADATA in there:
        try:
            metadata = read_folder_metadata(path)
        except BagError as error:
            troubles.append(str(error))
    else:
        troubles.append(f"it has no {METADATA}; on a ROS 2 machine 'ros2 bag reindex' writes one")
    if metadata is not None and metadata.compression not in ('', 'zstd'):
        raise BagError(
            f"the messages of bag '{path}' are compressed by '{metadata.compression}'; allowed is "
            "zstd: convert it by 'ros2 bag convert'"
        )
    names, note = _files(path, list(there), metadata, troubles)
    sources: list[Source] = []
    failure: BagError | None = None
    with ExitStack() as stack:
        for name in names:
            file = there[name]
            try:
                if file.suffix == _COMPRESSED:
                    folder = stack.enter_context(tempfile.TemporaryDirectory())
                    file = expand_file(file, Path(folder))
                source, tear = _open_file(file)
            except BagError as error:
                failure = failure or error
                troubles.append(str(error))
                continue
            sources.append(source)
            troubles += [tear] if tear else []
        if failure is not None and not sources:
            raise failure
        differ = ''
        if metadata is not None and not troubles:
            differ = metadata.differences(c for source in sources for c in source.channels)
        if differ:
            note += (
                f"the {METADATA} of bag '{path}' is not that of its storage, which is what is "
                f"read: {differ}; 'ros2 bag reindex' writes it anew"
            )
        unfinished = '; '.join(troubles)
        if unfinished:
            unfinished = (
                f"bag '{path}' was not finished or is damaged ({unfinished}); what there is is read"
            )
        return OpenedBag(sources, 'rosbag2', unfinished, note, stack.pop_all())


def _files(
    path: Path, there: list[str], metadata: FolderMetadata | None, troubles: list[str]
) -> tuple[list[str], str]:
    """Names of the storage files of a folder, in order, and a note on those that are not read."""
    stored = [n for n in there if n.removesuffix(_COMPRESSED).endswith(('.mcap', '.db3'))]
    # Of a file and its compressed copy, the file.
    stored = [
        n for n in stored if n.removesuffix(_COMPRESSED) not in stored or n[-5:] != _COMPRESSED
    ]
    stored.sort(key=natural_key)
    announced = [] if metadata is None else list(metadata.files)
    if missing := [n for n in announced if n not in there]:
        troubles.append(f'of the files that its {METADATA} names, {", ".join(missing)} is missing')
    names = [n for n in announced if n in there]
    if not names:
        names = stored
    # Of a recording that broke off, the metadata names the files before the last ones.
    series = {_series(n) for n in names if _series(n)}
    later = [n for n in stored if n not in names and _series(n) in series]
    if later and names != stored:
        troubles.append(f'its {METADATA} does not name {", ".join(later)}')
        names = sorted([*names, *later], key=natural_key)
    if not names:
        if METADATA in there:
            raise BagError(
                f"bag '{path}' cannot be read: {'; '.join(troubles) or 'it has no file'}"
            )
        some = ', '.join(sorted(there)[:5]) or 'nothing'
        raise BagError(
            f"folder '{path}' is no bag: it has no {METADATA} and no .mcap or .db3 file "
            f'but {some}; {_ALLOWED}'
        )
    others = [n for n in stored if n not in names]
    if not others:
        return names, ''
    return names, (
        f"{', '.join(others)} of bag '{path}' is not read: its {METADATA} does not name it; to "
        'read it, give the file. '
    )


def _series(name: str) -> str:
    """What the files of one split recording have in common; '' of a file with no number."""
    found = re.fullmatch(r'(.*_)\d+(\.(?:mcap|db3))(?:\.zstd)?', name)
    return found[1] + found[2] if found else ''


def _open_file(path: Path) -> tuple[Source, str]:
    """One storage file, and what is wrong with it ('' if nothing is)."""
    trouble = 'its recorder left a write-ahead log behind'
    if path.suffix == '.db3':
        refuse_cut(path)
        refuse_views(path)
    if path.suffix == '.mcap' or not has_journal(path):
        try:
            if path.suffix == '.mcap' and index_is_damaged(path):
                raise ValueError('the checksum of its index differs')
            return RosbagsSource(rosbag2.Reader(path)), ''
        except BagError:
            raise
        except Exception as error:  # rosbags raises whatever a damaged file provokes
            trouble = f'{error}'.rstrip('.') or type(error).__name__
    if not path.stat().st_size:
        raise BagError(f"'{path}' is empty; its recorder ended before it wrote anything")
    source = _or_refuse(ScannedMcap if path.suffix == '.mcap' else UnfinishedDb3, path)
    if isinstance(source, ScannedMcap) and source.whole:
        return source, ''
    return source, f"'{path}' was not finished or is damaged ({trouble}); read up to the tear"


def _or_refuse(kind: Callable[[Path], Source], path: Path) -> Source:
    try:
        return kind(path)
    except BagError:
        raise
    except Exception as error:  # as above
        reason = f'{error}'.rstrip('.') or type(error).__name__
        hint = '; rosbag reindex repairs it' if 'index' in reason.lower() else ''
        raise BagError(f"bag '{path}' cannot be read: {reason}{hint}") from error
