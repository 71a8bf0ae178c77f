# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds out what kind of bag a path is and opens it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rosbags import rosbag1, rosbag2

from drivseg_ros.bags.expansion import check_file
from drivseg_ros.bags.sources import RosbagsSource, Source
from drivseg_ros.bags.unfinished_db3 import UnfinishedDb3, has_journal, refuse_cut, refuse_views
from drivseg_ros.bags.unfinished_mcap import UnfinishedMcap
from drivseg_ros.base.natural import natural_key
from drivseg_ros.errors import BagError

METADATA = 'metadata.yaml'
_KINDS = {'.mcap': 'mcap', '.db3': 'sqlite3', '.bag': 'ros1'}
_ALLOWED = 'allowed: a rosbag2 folder, a .mcap or .db3 file, a ROS 1 .bag file'


@dataclass(frozen=True)
class OpenedBag:
    """An open bag.

    Attributes:
        sources: its storages, in order.
        storage: 'rosbag2', 'mcap', 'sqlite3' or 'ros1'.
        unfinished: '' or what is wrong with it.
    """

    sources: list[Source]
    storage: str
    unfinished: str = ''


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
    for file in path.iterdir():
        if file.name == METADATA or file.suffix in (*_KINDS, '.zstd'):
            _refuse_special(file)
    for file in path.glob('*.db3'):
        refuse_cut(file)
        refuse_views(file)
    for file in path.glob('*.zstd'):
        check_file(file)
    trouble = f"it has no {METADATA}; on a ROS 2 machine 'ros2 bag reindex' writes one"
    if (path / METADATA).exists():
        try:
            return OpenedBag([RosbagsSource(rosbag2.Reader(path))], 'rosbag2')
        except Exception as error:  # rosbags raises whatever a damaged bag provokes
            trouble = f'{error}'.rstrip('.')
    files = sorted(
        (f for f in path.iterdir() if f.suffix in ('.mcap', '.db3')),
        key=lambda f: natural_key(f.name),
    )
    if not files:
        there = ', '.join(sorted(f.name for f in path.iterdir())[:5]) or 'nothing'
        if (path / METADATA).exists():
            raise BagError(f"bag '{path}' cannot be read: {trouble}")
        raise BagError(
            f"folder '{path}' is no bag: it has no {METADATA} and no .mcap or .db3 file "
            f'but {there}; {_ALLOWED}'
        )
    sources: list[Source] = []
    torn = []
    failure: BagError | None = None
    for file in files:
        try:
            source, tear = _open_file(file)
        except BagError as error:
            failure = error
            torn.append(str(error))
            continue
        sources.append(source)
        torn += [tear] if tear else []
    if not sources:
        assert failure is not None  # there was at least one file, and none could be opened
        raise failure
    note = f"bag '{path}' was not finished or is damaged ({trouble}); what there is is read"
    return OpenedBag(sources, 'rosbag2', '; '.join([note, *torn]))


def _open_file(path: Path) -> tuple[Source, str]:
    """One storage file, and what is wrong with it ('' if nothing is)."""
    trouble = 'its recorder left a write-ahead log behind'
    if path.suffix == '.db3':
        refuse_cut(path)
        refuse_views(path)
    if path.suffix == '.mcap' or not has_journal(path):
        try:
            return RosbagsSource(rosbag2.Reader(path)), ''
        except Exception as error:  # rosbags raises whatever a damaged file provokes
            trouble = f'{error}'.rstrip('.') or type(error).__name__
    if not path.stat().st_size:
        raise BagError(f"'{path}' is empty; its recorder ended before it wrote anything")
    unfinished: Callable[[Path], Source] = (
        UnfinishedMcap if path.suffix == '.mcap' else UnfinishedDb3
    )
    source = _or_refuse(unfinished, path)
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
