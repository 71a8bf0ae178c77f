# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What may be written is known before the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivseg_ros.base.output_files import STDOUT, check_output_files, check_output_folder
from drivseg_ros.errors import ParameterError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ('there.json', 'other.json', 'full/file'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('kept')
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'link.json').symlink_to('there.json')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ('files', 'options', 'message'),
    [
        (['new.json', None, 'deep/down/new.json'], {}, None),
        (['there.json'], {}, "'there.json' exists; name another file, or replace it with --over"),
        (['there.json', 'other.json'], {}, r"'there.json' exists \(and 1 more\)"),
        (['there.json'], {'overwrite': True}, None),
        (['/dev/null'], {}, None),
        (['-'], {}, None),
        (['full'], {'overwrite': True}, "'full' is a folder; name a file"),
        (['there.json/new'], {}, 'cannot be written'),
        (['new.txt'], {'suffixes': ['.json', '.xml']}, "'new.txt' must end in .json or .xml"),
        (['NEW.JSON'], {'suffixes': ['.json']}, None),
        (['there.json'], {'overwrite': True, 'sources': ['link.json']}, 'is read, and would be'),
        (['new', './new'], {}, 'would be written twice'),
    ],
)
def test_files(folder: Path, files: list, options: dict, message: str | None) -> None:
    paths = [None if name is None else Path(name) for name in files]
    sources = [Path(name) for name in options.pop('sources', ())]
    options = {'overwrite': False, **options}
    if message is None:
        check_output_files(paths, sources=sources, **options)
    else:
        with pytest.raises(ParameterError, match=message):
            check_output_files(paths, sources=sources, **options)
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob('*')) == [
        *('empty', 'full', 'full/file', 'link.json', 'other.json', 'there.json'),
    ]
    assert Path('there.json').read_text() == 'kept'


@pytest.mark.parametrize(
    ('name', 'overwrite', 'message'),
    [
        ('new', False, None),
        ('empty', False, None),
        ('full', False, "the folder 'full' is not empty; .*--overwrite"),
        ('full', True, None),
        ('there.json', True, "'there.json' is a file; name a folder"),
    ],
)
def test_folders(folder: Path, name: str, overwrite: bool, message: str | None) -> None:
    if message is None:
        check_output_folder(Path(name), overwrite=overwrite)
    else:
        with pytest.raises(ParameterError, match=message):
            check_output_folder(Path(name), overwrite=overwrite)


def test_stdout_is_no_file() -> None:
    assert Path('-') == STDOUT
