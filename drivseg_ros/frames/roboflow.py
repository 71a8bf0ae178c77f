# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Roboflow's export of semantic masks: x.jpg and x_mask.png in one folder, classes in a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drivseg_ros.base.text_file import read_text
from drivseg_ros.errors import DataError
from drivseg_ros.frames.folder import classes_named, known_class
from drivseg_ros.frames.labels import Labels, plain_labels
from drivseg_ros.frames.paired_files import (
    FramePair,
    PairedFiles,
    images_in,
    pair_files,
    unused_labels,
)
from drivseg_ros.frames.split import Part
from drivseg_ros.images.files import MASK_ENDING

FOLDERS = {Part.TRAINING: 'train', Part.VALIDATION: 'valid', Part.TEST: 'test'}
CLASSES_TABLE = '_classes.csv'
_MAX_BYTES = 1_000_000


def parts_there(root: Path, _: Mapping[str, Any]) -> tuple[Part, ...]:
    """The parts that have a folder; all of them where none has, for the error's sake.

    None where the root is itself one of these folders.
    """
    if (root / CLASSES_TABLE).is_file():
        return ()
    found = [part for part, name in FOLDERS.items() if (root / name).is_dir()]
    return tuple(found or FOLDERS)


def open_roboflow(root: Path, parts: tuple[Part, ...], *, classes: Any = None) -> PairedFiles:
    """The frames of an export; the augmented copies of one picture are of one drive.

    Args:
        root: The folder with train/, valid/ and test/; or one of these, without parts.
        parts: Which of them.
        classes: In the order of the ids, as for the kind folder; None: as _classes.csv says, with
            the roles that classes of these names have in the data sets that are known.

    Raises:
        DataError: If a folder or the table is missing or damaged.
        ParameterError: If the classes are not valid.
    """
    folders = [root / FOLDERS[part] for part in parts] or [root]
    pairs: list[FramePair] = []
    for folder in folders:
        pairs += pair_files(
            images_in(folder, what='Roboflow'),
            label_of=lambda image: image.with_name(f'{image.stem}{MASK_ENDING}.png'),
            group_of=lambda name: name.partition('.rf.')[0],
        )
    if classes is None:
        meaning = _read_table(folders[0] / CLASSES_TABLE)
    else:
        meaning = plain_labels('Roboflow', classes_named(classes))
    found = ', '.join(part.value for part in parts) or root.name
    unused = unused_labels(pairs, f'*{MASK_ENDING}.png')
    return PairedFiles(f'roboflow ({found})', meaning, tuple(pairs), unused)


def _read_table(path: Path) -> Labels:
    """What the values mean by a table of two columns, pixel value and class."""
    text = read_text(path, what='a table of classes', max_bytes=_MAX_BYTES)
    rows = csv.reader(text.splitlines()[1:])
    entries = [[cell.strip() for cell in row] for row in rows if row]
    if not entries or any(len(e) != 2 or not e[0].isdecimal() or not e[1] for e in entries):
        raise DataError(
            f"classes '{path}' are no table of Pixel Value, Class with a number and a name in "
            'each row; export it again, or give the option classes'
        )
    values = {int(value): number for number, (value, _) in enumerate(entries)}
    names = [name for _, name in entries]
    if len(values) != len(entries) or len(set(names)) != len(names):
        raise DataError(f"classes '{path}' have a value or a name twice; export it again")
    return Labels('Roboflow', tuple(known_class(i, n) for i, n in enumerate(names)), values)
