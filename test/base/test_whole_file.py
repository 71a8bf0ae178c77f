# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A file is there as a whole, or as it was."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from drivseg_ros.base.whole_file import whole_file, write_whole
from drivseg_ros.errors import DataError


def test_it_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'a.md'
    for text in ('first', 'zweites Stück'):
        write_whole(path, text)
        assert path.read_text(encoding='utf-8') == text
    assert list(path.parent.iterdir()) == [path]


def test_links_and_pipes_stay_what_they_are(tmp_path: Path) -> None:
    """Root could replace even a device such as /dev/null."""
    file, link, pipe = (tmp_path / name for name in ('file', 'link', 'pipe'))
    file.write_text('old')
    link.symlink_to(file)
    write_whole(link, 'new')
    assert (link.is_symlink(), file.read_text()) == (True, 'new')
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, 'through')
        assert os.read(reader, 100) == b'through'
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert sorted(tmp_path.iterdir()) == [file, link, pipe]


@pytest.mark.parametrize('error', [KeyboardInterrupt, RuntimeError])
def test_what_is_torn_leaves_the_old_one(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / 'a.png'
    path.write_text('old')

    def tear() -> None:
        with whole_file(path) as partial:
            partial.write_text('half of')
            raise error

    with pytest.raises(error):
        tear()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [('a.png', 'old')]


def test_one_that_must_last_is_on_the_disk_before_it_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, order = tmp_path / 'a', []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, 'fsync', lambda file: (order.append('sync'), sync(file)))
    monkeypatch.setattr(os, 'replace', lambda *names: (order.append('move'), replace(*names)))
    with whole_file(path, durable=True) as partial:
        partial.write_bytes(b'kept')
    assert (order, path.read_bytes()) == (['sync', 'move'], b'kept')


def test_without_room_nothing_is_left(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(DataError, match=r"a\.json' cannot be written \(File too large\)"):
            write_whole(tmp_path / 'a.json', 'x' * 2000)
        with (
            pytest.raises(DataError, match=r'\(File too large\); go on with --resume'),
            whole_file(tmp_path / 'b', advice='go on with --resume') as partial,
        ):
            partial.write_bytes(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('in the way')
    with pytest.raises(DataError, match='cannot be written'):
        write_whole(tmp_path / 'file' / 'a.json', 'x')


def test_names_of_files_that_are_no_utf_8_can_be_written(tmp_path: Path) -> None:
    write_whole(tmp_path / 'a.html', f'<b>{os.fsdecode(b"caf" + bytes([0xE9]))}</b>')
    assert (tmp_path / 'a.html').read_text(encoding='utf-8') == '<b>caf\\udce9</b>'
