# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of frames besides their labels: day or night, weather, scene."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from drivseg_ros.base.yaml_data import load_yaml
from drivseg_ros.errors import DataError
from drivseg_ros.images.files import IMAGE_SUFFIXES

Attributes = Mapping[str, Mapping[str, str]]
"""By frame its attributes by name."""

UNKNOWN = 'unknown'
"""The value of frames that have none."""

FILE_NAMES = ('attributes.csv', 'attributes.yaml', 'attributes.yml', 'attributes.json')
_MAX_VALUES = 50


def find_attributes(folder: Path) -> Path | None:
    """The file of attributes in a data set's folder, if there is one.

    Raises:
        DataError: if there are several.
    """
    there = [folder / name for name in FILE_NAMES if (folder / name).is_file()]
    if len(there) > 1:
        raise DataError(
            f'{folder} has {", ".join(p.name for p in there)}; name the one to take (--attributes)'
        )
    return there[0] if there else None


def read_attributes(path: Path) -> Attributes:
    """Reads attributes.

    A .csv has a line of headings, the first of which is the frame's name. A .yaml or .json maps
    names to attributes, or is a list of {name, attributes} as BDD100K's label files are. A frame's
    name may have the suffix of its picture.

    Raises:
        DataError: if the file cannot be read, is of another form, or names a frame twice.
    """
    try:
        text = path.read_text(encoding='utf-8-sig')
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'the attributes {path} cannot be read: {error}') from None
    pairs = _of_csv(path, text) if path.suffix == '.csv' else _of_yaml(path, text)
    found: dict[str, Mapping[str, str]] = {}
    for name, attributes in pairs:
        frame = _frame(name)
        if frame in found:
            raise DataError(f'the attributes {path} name the frame {name!r} twice; keep one')
        found[frame] = {
            str(key): str(value).lower() if isinstance(value, bool) else str(value)
            for key, value in attributes.items()
            # BDD100K's lists hold more than plain values.
            if isinstance(value, (str, int, float, bool)) and value != ''
        }
    _check_values(path, found)
    return found


def choose(attributes: Attributes, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The attributes of certain frames: every frame has every attribute, if only `UNKNOWN`.

    Raises:
        DataError: if the attributes name none of them.
    """
    wanted = {name: attributes.get(_frame(name), {}) for name in names}
    if wanted and not any(wanted.values()):
        first, known = next(iter(wanted)), next(iter(attributes), 'none')
        raise DataError(
            f'the attributes name no frame of this set, whose first is {first!r}; they name '
            f'{known!r} and others: give those of this set'
        )
    keys = sorted({key for one in wanted.values() for key in one})
    return {name: {k: one.get(k, UNKNOWN) for k in keys} for name, one in wanted.items()}


def _of_csv(path: Path, text: str) -> list[tuple[str, Mapping[str, Any]]]:
    rows = list(csv.reader(text.splitlines()))
    rows = [row for row in rows if row]
    if len(rows) < 2 or len(rows[0]) < 2:
        raise DataError(f'{path} needs a line "name,timeofday,weather,..." and one for each frame')
    heads = [head.strip() for head in rows[0]]
    if len(set(heads)) != len(heads):
        raise DataError(f'{path} has the headings {", ".join(heads)}; give each another name')
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(heads):
            raise DataError(f'{path} has {len(row)} fields in line {number}, not {len(heads)}')
    return [
        (row[0].strip(), {h: v.strip() for h, v in zip(heads[1:], row[1:], strict=True)})
        for row in rows[1:]
    ]


def _of_yaml(path: Path, text: str) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        # JSON is YAML as well, but BDD100K's files take minutes that way. All scalars are text:
        # as numbers, names such as 0012 or a stamp would not be what was written.
        content = json.loads(text) if path.suffix == '.json' else load_yaml(text, typ='base')
    except ValueError as error:
        raise DataError(f'the attributes {path} cannot be read: {error}') from None
    except RecursionError:
        raise DataError(f'the attributes {path} are nested too deeply; write them again') from None
    if isinstance(content, Mapping):
        pairs = list(content.items())
    elif isinstance(content, list) and all(isinstance(e, Mapping) for e in content):
        pairs = [(entry.get('name'), entry.get('attributes')) for entry in content]
    else:
        pairs = [(None, None)]
    for name, attributes in pairs:
        if not isinstance(name, (str, int)) or not isinstance(attributes, Mapping):
            raise DataError(
                f'{path} must map names of frames to attributes {{timeofday: night, ...}}, or be a '
                f'list of {{name, attributes}}; found was {name!r}: {attributes!r}'
            )
    return [(str(name), attributes) for name, attributes in pairs]


def _check_values(path: Path, found: Attributes) -> None:
    values: dict[str, set[str]] = {}
    for attributes in found.values():
        for key, value in attributes.items():
            values.setdefault(key, set()).add(value)
    for key, several in values.items():
        if len(several) > _MAX_VALUES:
            raise DataError(
                f'in {path}, {key!r} has {len(several)} values; at most {_MAX_VALUES} make slices: '
                'take the column out, or round it'
            )


def _frame(name: str) -> str:
    stem, dot, suffix = name.rpartition('.')
    return stem if f'{dot}{suffix.lower()}' in IMAGE_SUFFIXES else name
