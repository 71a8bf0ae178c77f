# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivseg_ros.errors import DataError
from drivseg_ros.frames.classes import CLASSES_FILE, classes_text, read_classes
from drivseg_ros.frames.folder import CLASS_LISTS
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass, Role

TEXTS = st.text(st.characters(exclude_categories=['Cs']), min_size=1).filter(str.strip)


def there_and_back(classes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / CLASSES_FILE
        path.write_text(classes_text(classes), encoding='utf-8')
        return read_classes(path)


@pytest.mark.parametrize('name', CLASS_LISTS)
def test_known_classes_come_back(name):
    assert there_and_back(CLASS_LISTS[name]) == CLASS_LISTS[name]


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4, unique=True), st.sampled_from(Role))
def test_any_classes_come_back(names, role):
    classes = tuple(ModelClass(i, name, (i, 128, 255), role) for i, name in enumerate(names))
    assert there_and_back(classes) == classes


def test_a_folder_says_its_classes_unless_they_are_given(write):
    write.image('images/a.jpg')
    write.ids('labels/a.png', [[0] * 8] * 6)
    (write.root / CLASSES_FILE).write_text(classes_text(BDD100K_CLASSES))
    assert open_dataset('folder', write.root).classes == BDD100K_CLASSES
    given = open_dataset('folder', write.root, classes=['road'])
    assert [c.name for c in given.classes] == ['road']


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'[a: b', 'cannot be read as YAML: while parsing'),
        (b'\xff\xff', 'is not a text in UTF-8'),
        (b'road: 0', 'are no list; give a name, or {name, color, role}'),
        (b'', 'are no list'),
        (b'- {name: a, colour: [1, 2, 3]}', 'class 0 is given as'),
        (b'[a, a]', 'each with its own name'),
    ],
)
def test_a_file_that_does_not_say_them_is_refused(content, words, write):
    write.image('images/a.jpg')
    write.ids('labels/a.png', [[0] * 8] * 6)
    (write.root / CLASSES_FILE).write_bytes(content)
    with pytest.raises(DataError) as raised:
        open_dataset('folder', write.root)
    assert words in str(raised.value)
