# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Models are found by name and by path, and broken ones say why."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_model import write_tiny_model

from drivseg_ros.errors import ModelError
from drivseg_ros.model.file import ModelFile
from drivseg_ros.model.store import BrokenModel, find_model, list_models


def test_by_name_path_and_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tiny_model(tmp_path / 'mine' / 'mine.onnx')
    assert find_model(path).path == path
    with pytest.raises(ModelError, match=r"no model is called 'mine'.*DRIVSEG_MODEL_PATH"):
        find_model('mine')
    monkeypatch.setenv('DRIVSEG_MODEL_PATH', f'{tmp_path / "nothing"}:{path.parent}')
    assert find_model('mine').path == path
    write_tiny_model(path.parent / 'other.onnx')
    with pytest.raises(ModelError, match=r'there are .*mine, other.*; give one of these'):
        find_model('min')


def test_list_tells_what_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_model(tmp_path / 'good.onnx')
    (tmp_path / 'broken.onnx').write_bytes(b'nonsense')
    monkeypatch.setenv('DRIVSEG_MODEL_PATH', str(tmp_path))
    by_name = {model.path.stem: model for model in list_models()}
    assert isinstance(by_name['good'], ModelFile)
    broken = by_name['broken']
    assert isinstance(broken, BrokenModel)
    assert 'cannot be read as ONNX' in broken.reason


def test_first_folder_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ('a', 'b'):
        write_tiny_model(tmp_path / folder / 'same.onnx')
    monkeypatch.setenv('DRIVSEG_MODEL_PATH', f'{tmp_path / "a"}:{tmp_path / "b"}')
    assert find_model('same').path.parent.name == 'a'
    assert [m.path.parent.name for m in list_models() if m.path.stem == 'same'] == ['a']
